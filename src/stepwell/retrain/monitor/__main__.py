"""`python3 -m retrain.monitor`: the processing job."""

import sys

from .job import main

sys.exit(main())
