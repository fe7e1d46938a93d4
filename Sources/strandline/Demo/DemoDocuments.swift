/// The documents of the demo.
enum DemoDocuments {
    /// A file of connections and pipelines over the demo's source database.
    static let shop = """
        # Loads the demo's web shop into a warehouse.
        connections:
          shop: { type: sqlite, path: shop.db }
          warehouse: { type: sqlite, path: warehouse.db }

        pipelines:
          - name: shop
            description: Customers, orders and their items, by the time they changed
            retries: { max_attempts: 3, backoff: 1s, max_backoff: 1m }
            steps:
              - name: customers
                source: { connection: shop, table: customers }
                destination: { connection: warehouse, table: customers }
                strategy: timestamp
                cursor: updated_at
                primary_key: [id]
              - name: orders
                depends_on: [customers]
                source: { connection: shop, table: orders }
                destination: { connection: warehouse, table: orders }
                strategy: timestamp
                cursor: updated_at
                primary_key: [id]
                columns: { exclude: [card_number] }
              - name: order_items
                depends_on: [orders]
                source: { connection: shop, table: order_items }
                destination: { connection: warehouse, table: order_items }
                strategy: sequence
                cursor: id
                primary_key: [id]

          - name: daily_revenue
            description: Revenue of each day, rebuilt as a whole
            steps:
              - name: daily_revenue
                source:
                  connection: shop
                  query: |
                    SELECT date(created_at) AS day, count(*) AS orders, sum(total_cents) AS revenue_cents
                    FROM orders WHERE status <> 'cancelled' GROUP BY date(created_at)
                destination: { connection: warehouse, table: daily_revenue }
                strategy: full_refresh
                primary_key: [day]

        """
}
