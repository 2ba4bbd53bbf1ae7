"""The asset checks: what `query.checks` finds in the record, for Dagster's UI."""

from collections.abc import Iterator

import dagster as dg

from flyby.defs.assets import plain
from flyby.defs.given import Given
from flyby.query.checks import CHECKS, SECOND_OPINION_CHECK, Check, Finding, findings, second_opinion_finding


def of_the_record(given: Given) -> dg.AssetChecksDefinition:
    """The checks of `duckdb_table`."""
    table = given.key("duckdb_table")

    @dg.multi_asset_check(
        name=given.op("record_checks"),
        specs=[dg.AssetCheckSpec(check.name, asset=table, description=check.claim) for check in CHECKS],
    )
    def record_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with given.step(context):
            found = findings(given.settings())
        for check, finding in zip(CHECKS, found, strict=True):
            yield _result(table, check, finding)

    return record_checks


def of_the_second_opinion(given: Given) -> dg.AssetChecksDefinition:
    """The check of `second_opinion`."""
    asset = given.key("second_opinion")

    @dg.asset_check(name=SECOND_OPINION_CHECK.name, asset=asset, description=SECOND_OPINION_CHECK.claim)
    def second_opinion_check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with given.step(context):
            finding = second_opinion_finding(given.settings())
        return _result(asset, SECOND_OPINION_CHECK, finding)

    return second_opinion_check


def _result(asset: dg.AssetKey, check: Check, finding: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check.name,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.ERROR if check.serious else dg.AssetCheckSeverity.WARN,
        description=finding.said,
        metadata={name: plain(value) for name, value in finding.numbers.items() if value is not None},
    )
