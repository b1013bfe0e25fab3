"""What ``edgeonnx score --report`` says when all rows are scored."""

from __future__ import annotations

from edgeonnx import Cast, Report


class Totals:
    """Reports of batches, added up."""

    def __init__(self) -> None:
        self.n_rows = 0
        self.seconds = 0.0
        self.n_branch_changes: int | None = None
        self.n_columns_read = self.n_columns_unread = 0
        self._n_changed: dict[Cast, int] = {}  # by the cast with a count of 0; the type of a CSV column may differ from batch to batch

    def add(self, report: Report) -> None:
        """Take note of one more batch."""
        self.n_rows += report.n_rows
        self.seconds += report.seconds["total"]
        self.n_columns_read = max(self.n_columns_read, report.n_columns_read)  # alike in all batches that have rows
        self.n_columns_unread = max(self.n_columns_unread, report.n_columns_unread)
        if report.n_branch_changes is not None:
            self.n_branch_changes = (self.n_branch_changes or 0) + report.n_branch_changes
        # A batch without rows made no conversions, and if it is CSV its types are only a guess.
        for cast in report.casts if report.n_rows else ():
            key = cast._replace(n_changed=0)
            self._n_changed[key] = self._n_changed.get(key, 0) + cast.n_changed

    def summary(self, *, from_text: bool, branches: bool) -> str:
        """A line for the rows and one for each conversion; `from_text`: the columns were those of a CSV file;
        `branches`: those of trees were to be looked at.
        """
        lines = [f"{self.n_rows:,} rows scored in {self.seconds:.3g} s, reading and writing not counted"]
        if self.n_columns_unread:
            lines.append(f"{self.n_columns_read:,} columns read; {self.n_columns_unread:,} more feed inputs that the model does not use")
        for cast, n_changed in self._n_changed.items():
            lines.append(f"{cast.column}: {cast.from_type} to {cast.to_type}, {cast.rule}, {n_changed:,} altered")
        if from_text and self._n_changed:
            lines.append("CSV text was read as these types first; what that rounded is not counted")
        if branches and self.n_branch_changes is None:
            lines.append("no tree of the model has columns for its features, so that no branch was looked at")
        elif self.n_branch_changes is not None:
            lines.append(f"{self.n_branch_changes:,} rows went down another branch of a tree because values were rounded to real")
        return "\n".join(lines)
