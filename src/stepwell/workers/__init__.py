"""User code as supervised processes.

    functions.Functions        a pool of warm processes that answer invocations and die with the server
    jobs.Jobs                  processes that outlive the server: training, processing, commands
    commands.Commands          Run Command's scripts, as jobs
    servers.Servers            model servers: jobs that listen, with a pool of connections to each
    environments.Environments  what an image stands for: a Python with exactly its libraries, built once
    worker_roles               the roles that workers act as, and the credentials that they fetch
    containment.offers         what this machine has to keep workers in their place

`inside/` holds the programs that run in a user's process, `supervisor.py` the one that watches a job.
Nothing here knows a service or the store: services hand over values and get values back.
"""
