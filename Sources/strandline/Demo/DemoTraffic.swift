internal import SQLite

/// Customers at work in the demo's shop: new orders and new states of older ones.
final class DemoTraffic {
    private let connection: Connection
    private var round: Int64

    /// Opens the shop at `path`.
    init(path: String) throws(SQLiteError) {
        connection = try Connection(path: path, access: .readWrite)
        round = try connection.first("SELECT max(id) FROM orders")?[0].integer ?? 0
    }

    /// Closes the shop.
    func close() { connection.close() }

    /// Makes `count` new orders and moves as many older ones on, in one transaction stamped with the time of now.
    func step(count: Int) throws(SQLiteError) {
        let now = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
        try connection.transaction(.immediate) { () throws(SQLiteError) in
            for _ in 0..<count {
                round += 1
                _ = try connection.run(
                    """
                    INSERT INTO orders (customer_id, status, total_cents, currency, card_number, created_at, updated_at)
                    VALUES (1 + \(DemoShop.chance("?1", salt: 31, below: DemoShop.customers)), 'paid',
                        500 + \(DemoShop.chance("?1", salt: 32, below: 25_000)), 'EUR', '4000-0000-0000-0000', \(now), \(now))
                    """, [.integer(round)])
                let order = connection.lastInsertedRow
                _ = try connection.run(
                    """
                    INSERT INTO order_items (order_id, product, quantity, price_cents)
                    VALUES (?2, 'mug', 1 + \(DemoShop.chance("?1", salt: 33, below: 4)), 900)
                    """, [.integer(round), .integer(order)])
                _ = try connection.run(
                    """
                    UPDATE orders SET updated_at = \(now), status = CASE status WHEN 'paid' THEN 'shipped'
                        WHEN 'shipped' THEN 'delivered' ELSE 'returned' END
                    WHERE id = ?2 - 1 - \(DemoShop.chance("?1", salt: 34, below: 5_000)) AND status <> 'cancelled'
                    """, [.integer(round), .integer(order)])
            }
        }
    }
}
