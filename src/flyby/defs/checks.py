"""The asset checks: what `query.checks` finds in the record, for Dagster's UI."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg

from flyby.defs.assets import plain
from flyby.defs.given import Given
from flyby.query.checks import (
    API_CHECKS,
    CHECKS,
    SECOND_OPINION_CHECK,
    Check,
    Finding,
    api_findings,
    findings,
    second_opinion_finding,
)
from flyby.settings import ApiSettings, Settings


def of_the_record(given: Given[Settings]) -> dg.AssetChecksDefinition:
    """The checks of `duckdb_table`."""
    return _of_the_table(given, "record_checks", CHECKS, findings)


def of_an_api(given: Given[ApiSettings]) -> dg.AssetChecksDefinition:
    """The checks of a declared API's table."""
    return _of_the_table(given, f"{given.names.rows}_checks", API_CHECKS, api_findings)


def _of_the_table(
    given: Given[Any], name: str, checks: Sequence[Check], find: Callable[[Any], list[Finding]]
) -> dg.AssetChecksDefinition:
    table = given.key(given.names.table)

    @dg.multi_asset_check(
        name=given.op(name),
        specs=[dg.AssetCheckSpec(check.name, asset=table, description=check.claim) for check in checks],
    )
    def record_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with given.step(context):
            found = find(given.settings())
        for check, finding in zip(checks, found, strict=True):
            yield _result(table, check, finding)

    return record_checks


def of_the_second_opinion(given: Given[Settings]) -> dg.AssetChecksDefinition:
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
