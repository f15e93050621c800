"""What this machine is, and what may be trusted on it.

Everything here answers with a value and a sentence saying why, so that nobody has to wonder where an engine runs.
Nothing here imports torch, ctranslate2 or onnxruntime; the one exception, `probe_child`, only ever runs in a process
of its own.

Read in this order:

    machine.py        survey() -> Machine: all of the below, gathered cheaply, the costly parts on demand
    placement.py      place() -> Device: per engine, the device, the dtype and the reason
    device.py         Device, the value that is handed down to an engine
    topology.py       the kernel's own account of the GPUs (KFD and DRM in sysfs) and of who may open them
    sysfs.py          reading small files when "unreadable" is an answer
    gfx.py            target numbers and names, and the table of chips
    visible.py        which GPUs the operator lets the libraries see
    obstacle.py       why a GPU is out of the question before anything touches it, and what to do about it
    kernel.py         pairs of kernel and ROCm that are known to be bad
    override.py       HSA_OVERRIDE_GFX_VERSION: what a worker should get (a pure function)
    torch_build.py    what the installed torch was built for, read without importing it
    probe.py          the proof: a child process computes on the GPU, its numbers are compared with the CPU's
    probe_child.py    that child
    child.py          running a child that may crash, hang or refuse to die
    memory.py         how many bytes engines may take
    processor.py      cores, and whether bfloat16 is worth using on them
    tuning.py         environment variables for one target, each with its reason
    findings.py       what a person should know, and do about it
    report.py         all of it as plain values, for /v1/status and the doctor
"""
