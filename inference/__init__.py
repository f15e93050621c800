"""Everything that computes. It has never heard of HTTP.

Read from the top; each line imports only what stands below it.

    runtime       the facade: edit, plan, chat, transcribe, speak, status
    editing       what an edit asks for and gives; a plan over a picture, once for each seed
    operations    the edit vocabulary: one class per operation, and how a plan is applied to a picture
    jobs          one piece of work on one thread, listened to from the event loop
    pool          whose turn it is at which engine; several preferred models, tried one after the other
    residency     what is in memory: load, share the budget, evict, restart, move to the CPU
    lease         the right to call one loaded engine
    choice        which model and which device a request gets
    slots         one engine with one model: its state, and the rule of making room
    host          where workers come from: processes of this machine
    worker        the child process: one engine, one loop
    engines       the models behind verbs: inpaint, parse, chat, transcribe, speak, find
    engine        the one abstract class
    hardware      what the machine is and what may be trusted on it
    verification  weights are hashed before their first load
    weights       a row of the catalogue -> a verified local folder
    catalogue     models/manifest.toml as typed rows
    pictures      bytes -> a picture as it is seen, and back
    large_png     the pixels of large PNG files, on several threads
    sounds        bytes -> samples, and back
    line          a queue in which callers take turns
    tally         plain sums of what the engines did
    writing       files that are whole or not there
    labels        who asked, and the id under which it is logged
    events, settings, errors
"""
