"""What the hooks of ``harness.pytest_plugin`` do; each part is imported by the hook that needs it.

Nothing here is imported by a test run without a test that uses ``case``.
"""
