"""The tables and pictures of run.py, and where they stand in docs/performance.md.

What stands on that page between `<!-- measured: NAME -->` and `<!-- end -->` is written here; the rest is prose, and
has no figure of its own.
"""
import re
import statistics

FLOOR = "raw epoll"
FLOORS = (FLOOR, "raw epoll, edge")
PERCENTILES = ("p50_us", "p99_us", "p999_us")
OURS = ("Orrery protocol", "Orrery streams")


def summary(figures):
    """What is kept of a run: medians over its rounds. Ratios are of one round before they are medians."""
    def of_load(servers):
        kept = {}
        for server, rounds in servers.items():
            cpu = [said["server_seconds"] / said["requests"] * 1e6 for said in rounds]
            floors = {floor: [said["server_seconds"] / said["requests"] * 1e6 for said in servers[floor]]
                      for floor in FLOORS if floor in servers}
            ratios = [own / floor for own, floor in zip(cpu, floors[FLOOR])]
            best = [own / min(floor) for own, floor in zip(cpu, zip(*floors.values()))]
            kept[server] = {
                "cpu_us": round(statistics.median(cpu), 3),
                "cpu_us_range": [round(min(cpu), 3), round(max(cpu), 3)],
                "ratio": round(statistics.median(ratios), 3),
                "ratio_to_better_floor": round(statistics.median(best), 3),
                "per_second": round(statistics.median(said["requests"] / said["seconds"] for said in rounds)),
                **{p: round(statistics.median(said[p] for said in rounds), 1) for p in PERCENTILES},
            }
        return kept

    def rounded(counts):
        return {load: {server: round(count, 3) for server, count in servers.items()} for load, servers in counts.items()}

    return {**figures, "instructions": rounded(figures["instructions"]), "calls": rounded(figures["calls"]),
            "profile": rounded(figures["profile"]),
            "loads": {load: of_load(servers) for load, servers in figures["loads"].items()}}


# ---- Tables -----------------------------------------------------------------------------------------


def table(head, rows):
    numbers = [index > 0 and name not in OURS for index, name in enumerate(head)]  # these columns end at the right
    lines = [head, ["---:" if number else "---" for number in numbers], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def by_load(kept, cell):
    loads = kept["loads"]
    servers = list(next(iter(loads.values())))
    rows = [[server, *(cell(loads[load][server]) if server in loads[load] else "" for load in loads)] for server in servers]
    return table(["server", *loads], rows)


def short(number):
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def counts_table(kept):
    counted = kept["instructions"]
    calls = kept["calls"]
    loads = list(counted or calls)
    servers = list(next(iter((counted or calls).values()))) if loads else []
    head = ["server", *(f"instructions, {load}" for load in loads), *(f"system calls, {load}" for load in loads)]

    def cells(counts, server, text):
        return [text(counts[load][server]) if server in counts.get(load, {}) else "" for load in loads]

    return table(head, [[server, *cells(counted, server, short), *cells(calls, server, "{:.2f}".format)] for server in servers])


def profile_table(kept):
    """The functions of each of ours side by side, the most expensive first."""
    profiles = kept["profile"]
    columns = [list(functions.items()) for functions in profiles.values()]
    cells = [[cell for name, count in row for cell in (f"`{name}`", short(count))] for row in zip(*columns)]
    return table([cell for name in profiles for cell in (name, "")], cells) if profiles else ""


def goals_table(kept):
    """Each goal, what was measured, and whether that is enough."""
    rows = []

    def goal(what, limit, measured, text="{:.2f}"):
        if measured is not None:
            rows.append([what, "≤ " + text.format(limit), text.format(measured), "met" if measured <= limit else "missed"])

    def count(kind, server, load="64 B"):
        return kept[kind].get(load, {}).get(server)

    def ratio(load, server, which="ratio"):
        return kept["loads"].get(load, {}).get(server, {}).get(which)

    for server, most in zip(OURS, (300, 600)):
        goal(f"{server}: user instructions per request, 64 B", most, count("instructions", server), "{:.0f}")
    for server in OURS:
        floor = count("calls", FLOOR)
        if floor is not None:
            goal(f"{server}: system calls per request, 64 B", floor + 0.05, count("calls", server))
    for server, most in zip(OURS, (1.05, 1.08)):
        goal(f"{server}: CPU, ratio to raw epoll, 64 B", most, ratio("64 B", server))
    for server in OURS:
        goal(f"{server}: the same, 1000 connections", 1.10, ratio("64 B, 1000 connections", server))
    for server in OURS:
        for load in ("64 B, depth 16", "64 KiB", "64 KiB, depth 16"):
            goal(f"{server}: CPU, ratio to the better raw server, {load}", 1.03, ratio(load, server, "ratio_to_better_floor"))
    for server in OURS:
        goal(f"{server}: CPU, ratio to raw epoll, unix, 64 B", 1.05, ratio("unix, 64 B", server))
    goal("Orrery protocol: CPU, ratio to raw epoll, udp, 64 B", 1.05, ratio("udp, 64 B", OURS[0]))
    return table(["goal", "limit", "measured", ""], rows)


def sections(kept):
    return {
        "goals": goals_table(kept),
        "counts": counts_table(kept),
        "ratios": by_load(kept, lambda said: f"{said['ratio']:.2f}"),
        "cpu": by_load(kept, lambda said: f"{said['cpu_us']:.2f} ({said['cpu_us_range'][0]:.2f}–{said['cpu_us_range'][1]:.2f})"),
        "latency": by_load(kept, lambda said: " / ".join(short(said[p]) for p in PERCENTILES)),
        "rates": by_load(kept, lambda said: f"{said['per_second']:,}"),
        "profile": profile_table(kept),
        "machine": "{processors} × {processor}, Linux {kernel}, Python {python}; ".format(**kept["machine"])
                   + f"{kept['rounds']} rounds of {kept['seconds']} s each."
                   + (f" Left out, not installed: {', '.join(kept['missing'])}." if kept["missing"] else ""),
    }


TITLES = {"goals": "Goals", "counts": "Counted, per request", "ratios": "CPU per request, ratio to raw epoll in the same round",
          "cpu": "CPU µs per request, median (min–max)", "latency": "Latency µs, p50 / p99 / p99.9", "rates": "Requests per second",
          "profile": "Ours, function by function: instructions per request, 64 B",
          "machine": "Machine"}


def tables(figures):
    return "\n\n".join(f"{TITLES[name]}\n\n{text}" for name, text in sections(summary(figures)).items())


# ---- The page ---------------------------------------------------------------------------------------


def pictures(kept, folder):
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as plt
    # Neither random names nor a date: the same figures give the same file.
    plt.rcParams.update({"svg.hashsalt": "orrery", "svg.fonttype": "none", "font.size": 9})

    def colour(server):
        return "#c44e52" if server in OURS else "#8c8c8c" if server in FLOORS else "#4c72b0"

    def save(figure, name):
        figure.tight_layout()
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)

    counts = kept["instructions"].get("64 B", {})
    if counts:
        figure, axes = plt.subplots(figsize=(7, 3.4))
        names = list(counts)[::-1]
        bars = axes.barh(names, [counts[name] for name in names], color=[colour(name) for name in names])
        axes.bar_label(bars, [short(counts[name]) for name in names], padding=3)
        axes.set_xscale("log")
        axes.set_xlim(10, 10 * max(counts.values()))
        axes.set_xlabel("user-space instructions per request, 64 B (logarithmic)")
        save(figure, "instructions")

    loads = [load for load in ("64 B", "64 B, depth 16", "64 KiB", "64 B, 1000 connections") if load in kept["loads"]]
    figure, row = plt.subplots(1, len(loads), figsize=(9, 3.4), sharey=True)
    for axes, load in zip(row, loads):
        said = kept["loads"][load]
        names = list(said)[::-1]
        bars = axes.barh(names, [said[name]["ratio"] for name in names], color=[colour(name) for name in names])
        axes.bar_label(bars, [f"{said[name]['ratio']:.2f}" for name in names], padding=2)
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_xlim(0, 1.3 * max(said[name]["ratio"] for name in names))
        axes.set_title(load, fontsize=9)
    figure.supxlabel("CPU per request, ratio to raw epoll", fontsize=9)
    save(figure, "ratios")

    load = "64 B, 1 connection"
    if load in kept["loads"]:
        said = kept["loads"][load]
        figure, axes = plt.subplots(figsize=(7, 3.4))
        for y, name in enumerate(list(said)[::-1]):
            values = [said[name][p] for p in PERCENTILES]
            axes.plot(values, [y] * 3, color=colour(name), linewidth=1)
            for value, marker in zip(values, "o|x"):
                axes.plot(value, y, marker, color=colour(name))
        axes.set_yticks(range(len(said)), list(said)[::-1])
        axes.set_xscale("log")
        axes.set_xlabel("latency, µs, 64 B, one connection: p50 (dot), p99 (bar), p99.9 (cross)")
        save(figure, "latency")


def write_page(kept, root):
    page = root / "docs/performance.md"
    text = page.read_text()
    for name, measured in sections(kept).items():
        text = re.sub(rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)",
                      lambda found: f"{found[1]}\n{measured}\n\n{found[2]}", text, flags=re.S)
    page.write_text(text)
    pictures(kept, root / "docs/performance")
