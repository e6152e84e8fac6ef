"""`python -m sfprm`: the same program as `sfprm`."""

from __future__ import annotations

from sfprm.cli.main import main

if __name__ == "__main__":
    main()
