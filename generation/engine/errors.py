"""What can go wrong while drawing.

EngineError
├── NotSupported      the back end cannot do this and says so       not_supported
├── ModelUnloadable   missing, corrupt or foreign weights            model_unloadable
├── OutOfMemory       even after everything was freed                insufficient_memory
├── NumericalError    not-a-number latents or a blank picture        numerical_error
├── DeviceLost        the device is unusable: the process must end   device_lost
└── Cancelled         the watcher asked to stop                      cancelled
"""


class EngineError(Exception):
    """`code` is stable and goes to the caller; `fatal` means this process must not go on."""

    code = "engine_error"
    fatal = False


class NotSupported(EngineError):
    code = "not_supported"


class ModelUnloadable(EngineError):
    code = "model_unloadable"


class OutOfMemory(EngineError):
    code = "insufficient_memory"


class NumericalError(EngineError):
    code = "numerical_error"


class DeviceLost(EngineError):
    code = "device_lost"
    fatal = True


class Cancelled(EngineError):
    code = "cancelled"
