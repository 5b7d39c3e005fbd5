"""The study as Optuna keeps it: its storage, what draws values, what ends trials early."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import tenacity

from tfsocial import extras
from tfsocial.errors import InputError, nearest
from tfsocial.tuning.asked import Asked
from tfsocial.tuning.space import Choices, Range, Space

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

NAME = "tfsocial"  # of the study in a storage's own file
# Of 100 hundredths of a trial's schedule: a third of a third of it, a third, all.
FIRST_RUNG, LAST_RUNG, KEPT_ONE_IN = 11, 100, 3
FIRST_RANDOM = 10  # trials before the sampler has something to go by
ALPHA = 0.1  # of Wilcoxon's test
SEEDS_FOR_WILCOXON = 5  # with four, one-sided, p is 0.0625 at best, after the last


def optuna() -> ModuleType:
    """Import Optuna, quiet.

    Raises:
        InputError: it is not installed.
    """
    library = extras.library("optuna", "optuna", "tune", "tune")
    library.logging.set_verbosity(library.logging.WARNING)
    # That the Wilcoxon pruner may change is no concern of who runs a search.
    warnings.simplefilter("ignore", library.exceptions.ExperimentalWarning)
    return library


def open_study(asked: Asked, output: Path) -> Study:
    """Open the study, or make it: on the file in `output`, or on a database by its URL.

    Raises:
        InputError: the database does not answer, or needs a driver that is not installed.
    """
    library = optuna()
    from sqlalchemy.exc import SQLAlchemyError

    sampler, pruner = _sampler(library, asked), _pruner(library, asked)
    url = asked.storage or f"sqlite:///{(output / 'study.db').absolute()}"
    try:
        return library.create_study(
            storage=_storage(library, url),
            study_name=asked.name if asked.storage else NAME,
            direction="maximize",
            load_if_exists=True,
            sampler=sampler,
            pruner=pruner,
        )
    # Optuna's own of a database of another release, and of a URL that it cannot fill in.
    except (ImportError, SQLAlchemyError, ValueError, RuntimeError, LookupError) as error:
        shown = _without_password(url)
        reason = str(error).strip().partition("\n")[0] if shown == url else type(error).__name__
        raise InputError(
            f"--storage={shown}: cannot be used ({reason}); "
            "write sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, and "
            "pip install 'tfsocial[tune]' for the driver"
        ) from None


def _storage(library: ModuleType, url: str) -> Any:
    """Open a storage; of two that make its tables at once one fails, and finds them made."""
    from sqlalchemy.exc import IntegrityError, ProgrammingError

    again = tenacity.retry_if_exception_type((IntegrityError, ProgrammingError))
    retrying = tenacity.Retrying(
        retry=again, stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_fixed(1), reraise=True
    )
    return retrying(library.storages.RDBStorage, url, engine_kwargs=_engine(url))


def _engine(url: str) -> dict[str, Any]:
    """Have a connection that the server closed in the meantime opened anew."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": 60}}  # seconds that a writer waits for another
    return {"pool_pre_ping": True}


def _without_password(url: str) -> str:
    """Show a URL as it may stand in a log; of one that is none its scheme alone.

    >>> _without_password("postgresql://me:secret@host/db"), _without_password("sqlite:///a.db")
    ('postgresql://me:***@host/db', 'sqlite:///a.db')
    >>> _without_password("postgresql:/me:secret@host/db")
    'postgresql:...'
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return f"{url.partition(':')[0]}:..." if ":" in url else url
    if "password" in parsed.query:
        parsed = parsed.update_query_dict({"password": "***"})
    return parsed.render_as_string(hide_password=True)


def begin(study: Study, attributes: Mapping[str, Any]) -> Trial:
    """Put a new trial on record; its attributes are there from the first moment on.

    `Study.ask` has none: who is killed before it sets them leaves a trial that is nobody's.
    """
    trials = optuna().trial
    template = trials.create_trial(state=trials.TrialState.RUNNING, user_attrs=dict(attributes))
    number = study._storage.create_new_trial(study._study_id, template_trial=template)
    return optuna().Trial(study, number)


def give_up(study: Study, trial: Trial) -> None:
    """Take a trial that is one too many out of the study's count."""
    study.tell(trial, state=optuna().trial.TrialState.FAIL)


def take_up(study: Study, record: FrozenTrial) -> Trial:
    """Go on with a trial that is on record; Optuna has no public way to ask for it."""
    return optuna().Trial(study, record._trial_id)


def draw(trial: Trial, space: Space) -> dict[str, Any]:
    """Draw a value for each key; those that a trial has drawn before stay."""
    return {key: _drawn(trial, key, entry) for key, entry in space.keys.items()}


def _drawn(trial: Trial, key: str, entry: Range | Choices) -> Any:
    if isinstance(entry, Choices):
        return trial.suggest_categorical(key, entry.names)
    if entry.whole:
        step = int(entry.step or 1)
        return trial.suggest_int(key, int(entry.low), int(entry.high), log=entry.log, step=step)
    return trial.suggest_float(key, entry.low, entry.high, log=entry.log, step=entry.step)


def best_trial(study: Study) -> FrozenTrial | None:
    """Give the finished trial with the highest score, of equal ones the first."""
    return best_of(study.get_trials(deepcopy=False))


def best_of(records: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """Give the one of some trials with the highest score."""
    complete = [one for one in records if one.state.name == "COMPLETE"]
    return max(complete, key=lambda one: (one.value, -one.number), default=None)


# --- what draws values -----------------------------------------------------------------------


def _sampler(library: ModuleType, asked: Asked) -> BaseSampler:
    kinds: dict[str, Callable[[int], BaseSampler]] = {
        "random": lambda seed: library.samplers.RandomSampler(seed=seed),
        "tpe": lambda seed: library.samplers.TPESampler(
            seed=seed, n_startup_trials=FIRST_RANDOM, multivariate=True, constant_liar=True
        ),
    }
    if asked.sampler not in kinds:
        raise InputError(f"--sampler={asked.sampler}: {nearest(asked.sampler, list(kinds))}")
    return _numbered(library, kinds[asked.sampler], asked.sampler_seed)


def _numbered(library: ModuleType, make: Callable[[int], BaseSampler], seed: int) -> BaseSampler:
    """Make a sampler whose chance follows from a trial's number.

    So no two workers draw the same, and a trial that is taken up again draws what it would have.
    """

    base: Any = library.samplers.BaseSampler

    class Numbered(base):
        def __init__(self):
            self._samplers: dict[int, BaseSampler] = {}

        def _of(self, trial):
            return self._samplers.setdefault(trial.number, make(seed * 1_000_003 + trial.number))

        def infer_relative_search_space(self, study, trial):
            return self._of(trial).infer_relative_search_space(study, trial)

        def sample_relative(self, study, trial, search_space):
            return self._of(trial).sample_relative(study, trial, search_space)

        def sample_independent(self, study, trial, param_name, param_distribution):
            sampler = self._of(trial)
            return sampler.sample_independent(study, trial, param_name, param_distribution)

    return Numbered()


# --- what ends trials early --------------------------------------------------------------------


def _pruner(library: ModuleType, asked: Asked) -> BasePruner:
    pruners = library.pruners
    kinds: dict[str, Callable[[], BasePruner]] = {
        "none": pruners.NopPruner,
        "asha": lambda: pruners.SuccessiveHalvingPruner(
            min_resource=FIRST_RUNG, reduction_factor=KEPT_ONE_IN
        ),
        "hyperband": lambda: pruners.HyperbandPruner(
            min_resource=FIRST_RUNG, max_resource=LAST_RUNG, reduction_factor=KEPT_ONE_IN
        ),
        "wilcoxon": lambda: pruners.WilcoxonPruner(p_threshold=ALPHA),
    }
    if asked.pruner not in kinds:
        raise InputError(f"--pruner={asked.pruner}: {nearest(asked.pruner, list(kinds))}")
    if asked.pruner == "wilcoxon" and len(asked.seeds) < SEEDS_FOR_WILCOXON:
        raise InputError(
            f"--pruner=wilcoxon compares trials seed by seed and needs --seeds of "
            f"{SEEDS_FOR_WILCOXON} or more; take asha or hyperband, which look at epochs"
        )
    return kinds[asked.pruner]()
