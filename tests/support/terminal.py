# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl on a terminal."""
import os
import pty
import subprocess
import termios

from . import net, sluice


def run(*args, stdout=True, stderr=True, term="xterm", **env):
    """
    sluicectl with a terminal for one or both of its outputs: exit status, what the terminal got, what the pipe got that stands for the other.
    term: None: TERM is not set. env: variables of its environment.
    """
    values = {name: value for name, value in sluice.environment().items() if name not in ("TERM", "NO_COLOR")}
    values.update(env, **({"TERM": term} if term is not None else {}))
    ours, theirs = pty.openpty()
    mode = termios.tcgetattr(theirs)
    mode[1] &= ~termios.OPOST  # octets as they were written
    termios.tcsetattr(theirs, termios.TCSANOW, mode)
    process = subprocess.Popen([str(a) for a in (sluice.SLUICECTL, *args)], stdin=subprocess.DEVNULL, stdout=theirs if stdout else subprocess.PIPE,
                               stderr=theirs if stderr else subprocess.PIPE, env=values)
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # its other end is closed
            chunk = b""
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    piped = process.communicate(timeout=net.PATIENCE_S)
    return process.returncode, shown.decode("utf-8", "replace"), b"".join(p for p in piped if p).decode("utf-8", "replace")
