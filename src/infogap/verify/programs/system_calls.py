"""The system calls that a program in the sandbox may not make, as a filter that bubblewrap installs.

Namespaces and resource limits leave two gaps: the kernel exempts root from the limit of processes, and memory that is
shared or anonymous files escapes the limit of a process's own. The filter closes both, and denies what a program that
computes has no use for. Threads remain: programs start one for a deeper stack.
"""

from __future__ import annotations

import platform
import struct
from dataclasses import dataclass
from itertools import chain

_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _JUMP_IF_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # classic BPF
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # places in struct seccomp_data
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO, with the number in its low bits
_EPERM, _ENOSYS = 1, 38
_CLONE_THREAD = 0x00010000
_NEVER_USED = 0x40000000  # x86-64: from here on calls of the x32 interface


@dataclass(frozen=True)
class _Machine:
    architecture: int  # AUDIT_ARCH_*
    clone: int
    clone3: int  # its arguments are in memory, where no filter can look: libc then uses clone
    denied: tuple[int, ...]


# fork, vfork; ptrace, process_vm_readv and _writev, pidfd_getfd; shmget, msgget, semget, memfd_create, memfd_secret,
# mq_open; unshare, setns, mount, umount2, pivot_root, chroot, fsopen, open_tree, move_mount; add_key, request_key,
# keyctl; bpf, perf_event_open, userfaultfd, io_uring_setup; pidfd_open. Numbers are of the kernel's tables.
_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        56,
        435,
        (
            *(57, 58, 101, 310, 311, 438, 29, 68, 64, 319, 447, 240, 272, 308, 165, 166, 155, 161, 430, 428, 429),
            *(248, 249, 250, 321, 298, 323, 425, 434),
        ),
    ),
    "aarch64": _Machine(
        0xC00000B7,
        220,
        435,
        (
            *(117, 270, 271, 438, 194, 186, 190, 279, 447, 180, 97, 268, 40, 39, 41, 51, 430, 428, 429),
            *(217, 218, 219, 280, 241, 282, 425, 434),
        ),
    ),
}


def is_supported() -> bool:
    """Whether the filter knows this machine's system calls."""
    return platform.machine() in _MACHINES


def seccomp_filter() -> bytes:
    """Return the filter as bubblewrap's `--seccomp` reads it: an array of struct sock_filter.

    Denied calls fail with EPERM, as if the program lacked the permission. Raises KeyError on other machines.
    """
    machine = _MACHINES[platform.machine()]
    denied = _RETURN, 0, 0, _ERROR | _EPERM
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_IF_EQUAL, 1, 0, machine.architecture),
        denied,
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_IF_AT_LEAST, 0, 1, _NEVER_USED),
        denied,
        (_JUMP_IF_EQUAL, 0, 1, machine.clone3),
        (_RETURN, 0, 0, _ERROR | _ENOSYS),
        *chain.from_iterable(((_JUMP_IF_EQUAL, 0, 1, call), denied) for call in machine.denied),
        (_JUMP_IF_EQUAL, 0, 3, machine.clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_JUMP_IF_SET, 1, 0, _CLONE_THREAD),
        denied,
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
