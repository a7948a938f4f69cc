"""`python3 -m prepare`: the processing job."""

import sys

from .job import main

sys.exit(main())
