"""Run the programs that models write against their tasks' tests, in a sandbox and nowhere else.

`task_tests.py` says what tests are, `bubblewrap.py` what a program may do, `run_tests.py` how both meet. Modules in
`sandboxed/` run inside the sandbox and import only the standard library and each other.
"""
