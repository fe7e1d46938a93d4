internal import Model
internal import Store

extension Failure {
    /// The status that a failure is answered with: the one mapping.
    var status: Int {
        switch code {
        case .malformedDocument: 400
        case .notFound, .unknownRun: 404
        // The name of a thing in a document is a value of it; elsewhere it stands in the path.
        case .unknownConnection, .unknownPipeline, .unknownPool, .unknownStep: field == nil ? 404 : 422
        case .conflict, .cancelled, .fenced, .dependencyFailed, .upstreamStale, .undoMissing, .destinationChanged: 409
        case .preconditionFailed: 412
        case .unknownKey, .missingKey, .invalidValue, .limitExceeded, .unsupported, .dependencyCycle,
            .idempotencyMismatch:
            422
        case .outsideDataRoot, .serverState, .invalidPath, .missingFile, .notADatabase, .isDirectory, .readOnly,
            .corrupt:
            422
        case .unknownTable, .unknownColumn, .notATable, .sameTable, .invalidQuery, .missingCursor, .cursorMissing,
            .cursorUnparsable, .cursorFormat, .mixedCursorTypes, .sequenceGap, .missingKeyConstraint, .nullKey,
            .duplicateKey, .constraint, .castFailed, .schemaChanged, .shrinkGuard, .watermarkMissing,
            .destinationMissing,
            .newerDestination, .verificationFailed, .checkFailed, .quarantineFull:
            422
        case .queueFull: 429
        case .internalError: 500
        case .stopping, .locked, .inputOutput, .interrupted: 503
        case .timedOut: 504
        case .diskFull: 507
        }
    }
}

extension StoreError {
    /// The status where it is not the failure's: what is wrong with the control database is no fault of the request.
    var status: Int? {
        switch code {
        case .readOnly, .corrupt, .notAControlDatabase, .newerDatabase, .internalError: 500
        case .busy, .timedOut, .inputOutput, .unusableDirectory: 503
        default: nil
        }
    }
}
