internal import SQLite

/// The demo's source database: a web shop, the same rows every time it is made.
///
/// All chance comes from the row's number and a fixed seed, in SQL, so that the database itself makes the rows.
enum DemoShop {
    /// Customers of the shop.
    static let customers = 20_000
    /// Orders of the shop, spread over two years.
    static let orders = 300_000

    /// Makes the tables and rows at `path`, where no file is yet.
    static func make(at path: String) throws(SQLiteError) {
        let connection = try Connection(path: path, access: .create)
        defer { connection.close() }
        try connection.execute("PRAGMA journal_mode = WAL")
        try connection.execute("PRAGMA synchronous = OFF")
        try connection.transaction(.immediate) { () throws(SQLiteError) in
            for statement in schema + names.joined() + rows + indexes { try connection.execute(statement) }
        }
        try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    }

    /// A number from 0 below `bound` that looks drawn by chance from row `n`; `salt` makes several of one row differ.
    static func chance(_ n: String, salt: Int, below bound: Int) -> String {
        // Two rounds of a multiplicative hash (Knuth's constant), kept within 63 bits.
        let first = "((\(n) * 2654435761 + \(salt) * 40503 + 20240101) & 0x7fffffff)"
        return "(((\(first) * 48271 + \(salt)) % 2147483647) % \(bound))"
    }

    private static let schema = [
        """
        CREATE TABLE customers (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, city TEXT NOT NULL,
            created_at TEXT NOT NULL, updated_at TEXT NOT NULL)
        """,
        """
        CREATE TABLE orders (
            id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers, status TEXT NOT NULL,
            total_cents INTEGER NOT NULL, currency TEXT NOT NULL, card_number TEXT, created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL)
        """,
        """
        CREATE TABLE order_items (
            id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders, product TEXT NOT NULL,
            quantity INTEGER NOT NULL, price_cents INTEGER NOT NULL)
        """,
    ]

    private static let names = [
        list(
            "first_names",
            "Ada Amir Anna Ben Carla Chen Dana Elif Emil Eva Finn Hana Ines Ivan Jonas Lea Lina Mateo "
                + "Mia Nora Omar Paula Ravi Rosa Samir Sofia Tara Tom Yuki Zoe"),
        list(
            "last_names",
            "Adler Becker Costa Diaz Evans Fischer Garcia Haas Ito Jansen Keller Lopez Meyer Novak Okafor "
                + "Patel Quinn Rossi Silva Tanaka Ueda Vogel Weber Xu Yilmaz Zimmer"),
        list("cities", "Berlin Bremen Dresden Essen Hamburg Kassel Kiel Leipzig Mainz Munich Rostock Ulm"),
        list(
            "products",
            "apron basket bowl candle carpet chair clock cup desk frame jar kettle knife lamp ladle mirror "
                + "mug pan plate pot rug shelf sofa spoon stool table tray vase"),
    ]

    private static func list(_ name: String, _ words: String) -> [String] {
        let values = words.split(separator: " ").enumerated().map { "(\($0), '\($1)')" }.joined(separator: ",")
        return [
            "CREATE TEMP TABLE \(name) (place INTEGER PRIMARY KEY, word TEXT)", "INSERT INTO \(name) VALUES \(values)",
        ]
    }

    /// The word of a list of `count` that chance gives row `n`.
    private static func word(_ list: String, of count: Int, salt: Int) -> String {
        "(SELECT word FROM \(list) WHERE place = \(chance("n", salt: salt, below: count)))"
    }

    private static func numbers(_ count: Int) -> String {
        "WITH RECURSIVE rows(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM rows WHERE n < \(count))"
    }

    /// 2024-01-01T00:00:00Z, and the seconds of the two years from then.
    private static let (start, span) = (1_704_067_200, 731 * 86_400)

    private static func time(_ seconds: String) -> String { "strftime('%Y-%m-%dT%H:%M:%SZ', \(seconds), 'unixepoch')" }

    private static let rows = [
        """
        \(numbers(customers))
        INSERT INTO customers
        SELECT n, first || ' ' || last, lower(first || '.' || last) || n || '@example.com', city, \(time("born")),
            \(time("born + \(chance("n", salt: 5, below: 86_400 * 30))"))
        FROM (SELECT n, \(word("first_names", of: 30, salt: 1)) AS first, \(word("last_names", of: 26, salt: 2)) AS last,
            \(word("cities", of: 12, salt: 3)) AS city, \(start) + n * (\(span - 86_400 * 30) / \(customers)) AS born FROM rows)
        """,
        """
        \(numbers(orders))
        INSERT INTO orders
        SELECT n, 1 + \(chance("n", salt: 11, below: customers)),
            CASE WHEN luck < 4 THEN 'cancelled' WHEN luck < 9 THEN 'returned' WHEN n > \(orders - 2_000) THEN 'paid'
                ELSE 'delivered' END,
            500 + \(chance("n", salt: 13, below: 25_000)), CASE WHEN luck % 7 = 0 THEN 'USD' ELSE 'EUR' END,
            '4000-0000-0000-' || substr('0000' || \(chance("n", salt: 14, below: 10_000)), -4), \(time("made")),
            \(time("made + \(chance("n", salt: 15, below: 86_400 * 10))"))
        FROM (SELECT n, \(chance("n", salt: 12, below: 100)) AS luck,
            \(start) + n * \(span - 86_400 * 10) / \(orders) AS made FROM rows)
        """,
        """
        \(numbers(orders * 2))
        INSERT INTO order_items
        SELECT n, (n + 1) / 2, \(word("products", of: 28, salt: 21)), 1 + \(chance("n", salt: 22, below: 4)),
            200 + \(chance("n", salt: 23, below: 9_000))
        FROM rows
        """,
    ]

    private static let indexes = [
        "CREATE INDEX orders_updated_at ON orders (updated_at)",
        "CREATE INDEX customers_updated_at ON customers (updated_at)",
        "DROP TABLE first_names", "DROP TABLE last_names", "DROP TABLE cities", "DROP TABLE products",
    ]
}
