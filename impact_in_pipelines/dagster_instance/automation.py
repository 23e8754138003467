"""Which of Dagster's schedules are switched off: that is how a person holds a platform in Dagster's UI."""

import warnings

from dagster import DagsterInstance

warnings.filterwarnings("ignore", module="dagster")


def running_by_schedule_name() -> dict[str, bool] | None:
    """Whether each schedule that somebody has ever switched runs; absent: as the code says.

    None if the storage of the instance that DAGSTER_HOME names doesn't answer.
    """
    try:
        with DagsterInstance.get() as instance:
            states = instance.all_instigator_state()
    except (OSError, RuntimeError, ValueError):
        return None
    except Exception as error:
        # Dagster's storage raises errors of three libraries that have no base in common.
        if not type(error).__module__.startswith(("dagster", "sqlalchemy", "psycopg2")):
            raise
        return None
    return {state.name: state.status.value != "STOPPED" for state in states}
