"""`python -m cebox.installer`."""

import sys

from cebox.installer.main import main

sys.exit(main())
