import Foundation

/// A folder with a small source database and a pipeline over it.
struct ShopFolder {
    let folder: URL
    let source: Database
    let destination: Database

    static let document = """
        connections:
          shop: { type: sqlite, path: shop.db }
          warehouse: { type: sqlite, path: warehouse.db }
        pipelines:
          - name: items
            retries: { max_attempts: 3, backoff: 100ms }
            steps:
              - name: items
                source: { connection: shop, table: items }
                destination: { connection: warehouse, table: items }
                strategy: timestamp
                cursor: updated_at
                primary_key: [id]

        """

    /// Makes the source with `count` rows, and `pipelines/items.yaml`.
    init(_ folder: URL, count: Int) throws {
        self.folder = folder
        source = Database(folder, "shop.db")
        destination = Database(folder, "warehouse.db")
        try source.execute(
            """
            PRAGMA journal_mode = WAL;
            CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, updated_at TEXT NOT NULL);
            CREATE INDEX items_updated_at ON items (updated_at);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count))
            INSERT INTO items SELECT i, 'item ' || i, strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + i, 'unixepoch') FROM n;
            """)
        let pipelines = folder.appendingPathComponent("pipelines")
        try FileManager.default.createDirectory(at: pipelines, withIntermediateDirectories: true)
        try Data(ShopFolder.document.utf8).write(to: pipelines.appendingPathComponent("items.yaml"))
    }

    /// Whether the destination's table equals the source's.
    func isLoaded() throws -> Bool {
        try source.content(of: "items") == destination.content(of: "items")
    }
}
