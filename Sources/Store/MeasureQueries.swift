public import Model
internal import SQLite

/// How far a step has come, as the control database has it.
public struct StepPlaces: Sendable, Equatable {
    /// The pipeline's name.
    public var pipeline: String
    /// The step's name.
    public var step: String
    /// The watermark; nil where there is none.
    public var watermark: CursorValue?
    /// How far the last audit has found both sides to be the same; nil where none has.
    public var verifiedThrough: CursorValue?
}

extension ReadSession {
    /// How far every step has come, by pipeline and step.
    public func stepPlaces() throws(StoreError) -> [StepPlaces] {
        try rows(
            "list the watermarks",
            """
            SELECT w.pipeline, w.step, w.value, v.value AS verified
            FROM watermarks AS w LEFT JOIN verifications AS v ON v.pipeline = w.pipeline AND v.step = w.step
            ORDER BY w.pipeline, w.step
            """, []
        ) { row throws(SQLiteError) in
            StepPlaces(
                pipeline: try row.text("pipeline"), step: try row.text("step"),
                watermark: CursorValue(stored: row["value"]), verifiedThrough: CursorValue(stored: row["verified"]))
        }
    }
}
