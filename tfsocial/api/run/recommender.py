"""The recommender, and what is done for it beside its server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tfsocial import extras
from tfsocial.api.run.starting import demo_of, exported, first_keys, need, serve, settings_of

RANKINGS = "rankings"  # folder of them in a recommender's state


def recommend(
    model: str | Path | None = None,
    *,
    demo: bool = False,
    items: Sequence[str | Path] = (),
    deeds: Sequence[str | Path] = (),
    diversity: float = 0.1,
    explored: int = 1,
    refit_hours: float = 24.0,
    lists_days: float = 90.0,
    database: str = "",
    state: str | Path = "recommend",
    host: str = "127.0.0.1",
    port: int = 8080,
    admin_port: int = 8081,
    mask: bool = False,
    say: Callable[[str], object] = print,
) -> None:
    """Recommend until SIGINT or SIGTERM, behind the gateway's keys, quotas and audit.

    Args:
        model: folder of versions that `export` wrote; None: the default community model as it is,
            which is exported into the state's folder first.
        demo: whether items and customers of a gift shop are there that come with this package.
        items: .csv or .jsonl with id, title, description, tags, price, since, link; beside the
            database's.
        deeds: .csv or .jsonl with person, item, time, kind; beside the database's.
        diversity: 0 to 1: how unlike each other items of a list are by default.
        explored: places of a list that are drawn by lot.
        refit_hours: after which a ranking is fitted anew.
        lists_days: for which it is kept what stood on each list.
        database: an address; empty: a SQLite file in the state's folder.
        state: folder of the keys, the database and the rankings.
        host, port: of callers; port 0 takes a free one.
        admin_port: of operators.
        mask: whether personal data is masked before the model and all logs.
        say: hears the first keys, what is known, how fits went, and where it listens.

    Raises:
        InputError: a file, the database or a port cannot be used, or the model cannot be loaded.
    """
    need("tfsocial recommend")
    _need_ranking("tfsocial recommend")
    from tfsocial.apps.database import open_database
    from tfsocial.apps.recommend import playing, reading
    from tfsocial.apps.recommend.application import RecommendApplication
    from tfsocial.apps.recommend.records import Rules

    rules = Rules.of_flags(diversity, explored, refit_hours, lists_days)
    offered = [item for table in items for item in reading.read_items(Path(table))]
    done = [deed for table in deeds for deed in reading.read_deeds(Path(table))]
    if demo:
        offered += playing.items(demo_of("recommend"))
        done += playing.deeds(demo_of("recommend"))
    folder = Path(state)
    served = Path(model) if model is not None else exported(folder / "model", say)
    listen = {"host": host, "port": port, "admin_port": admin_port}
    chosen = settings_of("recommend", served, folder, listen, mask)
    first = first_keys(chosen, "programs that ask for lists", "operators", "operators'")
    address = _database(database, folder)
    engine = open_database(address)
    for line in first:
        say(line)
    fits = [sys.executable, "-m", "tfsocial", "recommend-fit", f"--state={folder}"]
    made = partial(
        RecommendApplication,
        name="recommend",
        engine=engine,
        folder=folder / RANKINGS,
        rules=rules,
        items=offered,
        deeds=done,
        fits=[*fits, f"--database={address}"],
        said=say,
    )
    serve(chosen, made, "visitors: {at}/recommend/list  operators: {at}/recommend/report", say)


def recommend_fit(
    state: str | Path, database: str = "", measured: bool = True, rounds: int = 0
) -> str:
    """Fit a ranking on what a recommender's database has, and put it in use.

    Args:
        state, database: as `recommend` has them.
        measured: whether it is found out how it does on the last four weeks, by a second fit.
        rounds: of learning from its own lists that are simulated for the report, a fit each.

    Returns:
        A line that says how it does.

    Raises:
        InputError: the database cannot be used, or there is too little to learn from.
    """
    _need_ranking("tfsocial recommend-fit")
    from tfsocial.apps.database import open_database
    from tfsocial.apps.recommend.refitting import refit

    folder = Path(state)
    engine = open_database(_database(database, folder))
    try:
        fitted = refit(engine, folder / RANKINGS, measured, rounds)
    finally:
        engine.dispose()
    groups = fitted.report.get("groups", {})
    if "all" not in groups:
        return f"ranking {fitted.number} is in use; too little was bought lately to measure it"
    recall, by_sales = (100 * groups["all"][name] for name in ("recall", "by_sales"))
    return (
        f"ranking {fitted.number} is in use: lists of 20 hold {recall:.1f} % of what was bought in "
        f"the last four weeks (best sellers: {by_sales:.1f} %)"
    )


def recommend_teach(state: str | Path, output: str | Path, database: str = "") -> str:
    """Write what an encoder of items' texts learns by, from a recommender's database.

    Args:
        state, database: as `recommend` has them.
        output: folder of train.csv: text, and who bought it, by numbers.

    Returns:
        A line that says how much it is.

    Raises:
        InputError: the database cannot be used, or too little was bought.
    """
    _need_ranking("tfsocial recommend-teach")
    from tfsocial.apps.database import open_database
    from tfsocial.apps.recommend.history import History
    from tfsocial.apps.recommend.refitting import offered
    from tfsocial.apps.recommend.teaching import Purchase, lessons

    engine = open_database(_database(database, Path(state)))
    try:
        texts = {item.id: item.text for item in offered(engine)}
        done = [
            Purchase(person, deed.item)
            for _, person, deed in History(engine).after(0)
            if deed.kind == "bought"
        ]
    finally:
        engine.dispose()
    found = lessons(texts, done)
    found.write(Path(output))
    return f"{output}: {len(found.train)} texts, and which of {found.people} people bought each"


def _database(database: str, folder: Path) -> str:
    return database or f"sqlite:///{folder / 'recommend.db'}"


def _need_ranking(command: str) -> None:
    """Check that what ranks is there.

    Raises:
        InputError: it is not; says how to install it.
    """
    for module in ("sqlalchemy", "alembic", "implicit", "lightgbm"):
        extras.library(module, module, "apps", command)
