"""Tawny over HTTP: reads requests, refuses what cannot be done, starts jobs, writes answers.

    python -m api            serve, as the environment says (see ``settings.py``)

    __main__   read the settings, start uvicorn        doorway    answers /health while the rest is imported
    app        where the parts meet                    request_id one id per request
    settings   the only reader of the environment      access     who may come in: Host, Origin, key, body size
    journal    request ids, access log, counters       problems   error -> status and body
    deps       runtime, admitted uploads, waiting      streams    job events -> server-sent events
    decoding   uploads on threads, few at a time       answers    what was done, said aloud
    serving    the server: closes its door last        keys       clients' keys, hashed
    errands    jobs that outlive their connection      ledger     their book; luggage: their files
    runner     does kept jobs, one after the other     turns      which of them wait, and the news
    metrics    what Prometheus is told                 claim      one server per state folder
    routes     one file per group of endpoints

It has never heard of torch: everything that computes is behind ``inference.runtime``.
"""
