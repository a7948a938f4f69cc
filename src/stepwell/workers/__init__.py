"""User code as supervised processes.

    functions.Functions        a pool of warm processes that answer invocations and die with the server
    jobs.Jobs                  processes that outlive the server: training, processing, commands
    servers.Servers            model servers: jobs that listen, with a pool of connections to each
    environments.Environments  what an image stands for: a Python with exactly its libraries, built once
    containment.offers         what this machine has to keep workers in their place

`inside/` holds the programs that run in a user's process, `supervisor.py` the one that watches a job.
Nothing here knows a service or the store: services hand over values and get values back.
"""
