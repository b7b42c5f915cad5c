"""migra or results (the argument names it) behind a pipe: a line {"from": URL, "to": URL} in, a line {"sql"} or {"error"} out.

Their own commands run here, in one process, because starting them takes longer than their work."""

import contextlib, importlib.metadata, io, json, sys

name = sys.argv[1]
pipe, sys.stdout = sys.stdout, sys.stderr


def migra(before, after):
    from migra.command import parse_args, run

    run(parse_args(["--unsafe", "--with-privileges", before, after]), sys.stdout)


def results(before, after):
    from results.command import cli

    cli.main(["dbdiff", "--with-privileges", "--exact", before, after])


print(json.dumps({"version": importlib.metadata.version(name)}), file=pipe, flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
            {"migra": migra, "results": results}[name](asked["from"], asked["to"])
        answer = {"sql": out.getvalue()}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=pipe, flush=True)
