"""`python3 -m gate`: the processing job."""

import sys

from .job import main

sys.exit(main())
