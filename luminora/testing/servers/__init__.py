"""Private servers for tests: real ones, each started on a free port in a folder of its own.

They can be killed, stopped and started again on the same data in the middle of a test. Where the
program is missing a test is skipped with the reason; where ``CI`` is set it fails.
"""
