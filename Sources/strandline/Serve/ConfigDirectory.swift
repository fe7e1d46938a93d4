internal import Model
internal import Platform
internal import Store

/// The documents that an operator keeps in a directory for the server.
struct ConfigDirectory {
    /// The directory's path.
    let path: String

    /// Reads and checks every document; throws, telling all of them, when one is wrong.
    func read() throws(CommandError) -> DocumentSet {
        let documents = try DocumentSet([path], allowsEmpty: true)
        guard documents.faults.isEmpty else {
            let lines = documents.faults.map { "\n  " + $0.line }.joined()
            throw CommandError(
                message: "the documents in \(path) are wrong:\(lines)",
                hint: "Nothing was changed; `strandline validate \(path)` checks them again.")
        }
        return documents
    }

    /// Stores the documents, all of them or none; answers how many were new or changed.
    ///
    /// What is not in the directory stays as it is. Blocks; for threads that we own.
    func apply(_ documents: DocumentSet, to store: ControlStore) throws(CommandError) -> Int {
        do throws(StoreError) {
            return try store.write { transaction throws(StoreError) in
                var changed = 0
                for document in documents.connections {
                    let outcome = try transaction.putConnection(
                        document.definition.name, definition: document.json.text())
                    changed += outcome.unchanged ? 0 : 1
                }
                for document in documents.webhooks {
                    var random = SystemRandomNumberGenerator()
                    let outcome = try transaction.putWebhook(
                        document.definition, made: WebhookSecret(using: &random))
                    changed += outcome.unchanged ? 0 : 1
                }
                for pool in documents.pools {
                    let outcome = try transaction.putPool(pool.name, definition: pool.json.text())
                    changed += outcome.unchanged ? 0 : 1
                }
                for document in documents.pipelinesInOrder {
                    let outcome = try transaction.putPipeline(document)
                    changed += outcome.unchanged ? 0 : 1
                }
                return changed
            }
        } catch {
            throw CommandError(message: "the documents in \(path) were not applied: \(error.cause)", hint: error.hint)
        }
    }
}
