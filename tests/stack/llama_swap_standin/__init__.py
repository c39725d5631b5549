"""A stand-in for llama-swap where its image can't be had: real llama-server processes behind the same doors.

It does what was measured on llama-swap v250, as far as the sync can see it: which files it refuses and in
which words, what `/v1/models`, `/running`, `/api/events` and `/api/profiles` answer, what a reload, SIGHUP
and SIGTERM do to requests in flight. It is no llama-swap: TTL, matrix sets, peers and queues are not there.

`python -m tests.stack.llama_swap_standin -config FILE -listen HOST:PORT [-watch-config]`, in its image as
`/app/llama-swap`. Environment, for what can't be provoked from outside:

STANDIN_EVENTS   the generation of `inflight` events: `2026-07` (default), `2026-02`, `none` (older)
STANDIN_ANSWERS  how all but `/health` is answered: empty (well), `500`, `401`, `slow:SECONDS`, `never`
STANDIN_SERVER   a command that runs in place of the entries' own llama-server, such as `fake_server.py`'s
"""
