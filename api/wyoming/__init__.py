"""The same ears and voice as a Wyoming server, the protocol of Home Assistant's voice assistants.

Two ports of their own, off until the operator sets them. ``server.py`` listens and reads events, ``ears.py`` answers
sound with text, ``mouth.py`` text with sound, ``about.py`` says what there is. Only ``server.py`` is imported from
outside, and only when a port is set.
"""
