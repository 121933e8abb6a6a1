from ..test_devices.conftest import folder  # noqa: F401
