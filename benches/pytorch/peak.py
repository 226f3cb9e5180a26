#!/usr/bin/env python3
"""Runs a command, and writes the most memory that it held at once, in MiB, into a file.

    python peak.py FILE COMMAND ...

The largest of the processes that the command started counts. Both sides of a comparison are measured so, because a
process that is started by a large one inherits its peak. Without Python's module `resource` the file is not written.
"""
import subprocess, sys

try:
    import resource
except ImportError:  # Windows
    resource = None

code = subprocess.call(sys.argv[2:])
if resource is not None:
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
    with open(sys.argv[1], "w") as file:
        file.write(f"{peak:.1f}\n")
sys.exit(code if code >= 0 else 1)
