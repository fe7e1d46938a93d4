// swift-tools-version: 6.2
import PackageDescription

/// The language settings every Swift target shares.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// The arrows run strictly downward; `HouseTests` holds the sources to this table.
let package = Package(
    name: "strandline",
    products: [.executable(name: "strandline", targets: ["strandline"])],
    targets: [
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(
            name: "CMicroHTTP", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(
            name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-gnutls-dev"])]),
        .systemLibrary(name: "CGnuTLS", pkgConfig: "gnutls", providers: [.apt(["libgnutls28-dev"])]),
        .systemLibrary(name: "CGLib", pkgConfig: "glib-2.0", providers: [.apt(["libglib2.0-dev"])]),

        .target(name: "Platform", dependencies: ["CGLib"], swiftSettings: house),
        .target(name: "Model", dependencies: ["Platform"], swiftSettings: house),
        .target(name: "Documents", dependencies: ["CYAML", "Model", "Platform"], swiftSettings: house),
        .target(name: "SQLite", dependencies: ["CSQLite", "Platform"], swiftSettings: house),
        .target(name: "Store", dependencies: ["SQLite", "Model", "Platform"], swiftSettings: house),
        .target(name: "Loading", dependencies: ["SQLite", "Model", "Platform"], swiftSettings: house),
        .target(
            name: "Engine", dependencies: ["Store", "Loading", "Model", "Platform"],
            swiftSettings: house),
        .target(name: "HTTPServer", dependencies: ["CMicroHTTP", "Platform"], swiftSettings: house),
        .target(name: "HTTPClient", dependencies: ["CCurl", "Platform"], swiftSettings: house),
        .target(name: "Signing", dependencies: ["CGnuTLS", "Platform"], swiftSettings: house),
        // openapi.yaml, embedded.
        .target(name: "COpenAPI"),
        // The documents of examples/demo, embedded.
        .target(name: "CDemo"),
        .target(
            name: "API",
            dependencies: ["COpenAPI", "Engine", "Store", "HTTPServer", "Documents", "Model", "Platform"],
            swiftSettings: house),
        .executableTarget(
            name: "strandline",
            dependencies: [
                "API", "CDemo", "Engine", "Store", "Loading", "SQLite", "HTTPServer", "HTTPClient", "Documents",
                "Model",
                "Platform", "Signing",
            ],
            swiftSettings: house),

        .testTarget(name: "HouseTests", swiftSettings: house),
        .testTarget(
            name: "CommandTests", dependencies: ["strandline", "HTTPClient", "Model", "Platform"], swiftSettings: house),
        .testTarget(
            name: "APITests",
            dependencies: [
                "API", "Engine", "Store", "Loading", "SQLite", "HTTPServer", "HTTPClient", "Documents", "Model",
                "Platform",
            ], swiftSettings: house),
        .testTarget(name: "ModelTests", dependencies: ["Documents", "Model", "Platform"], swiftSettings: house),
        .testTarget(
            name: "DocumentsTests", dependencies: ["Documents", "Model", "Platform"], swiftSettings: house),
        .testTarget(name: "PlatformTests", dependencies: ["Platform"], swiftSettings: house),
        .testTarget(
            name: "HTTPClientTests", dependencies: ["HTTPClient", "HTTPServer", "Platform"], swiftSettings: house),
        .testTarget(name: "SigningTests", dependencies: ["Signing", "Platform"], swiftSettings: house),
        .testTarget(name: "HTTPServerTests", dependencies: ["HTTPServer", "Platform"], swiftSettings: house),
        .testTarget(name: "StoreTests", dependencies: ["Store", "SQLite", "Model", "Platform"], swiftSettings: house),
        .testTarget(
            name: "LoadingTests", dependencies: ["Loading", "SQLite", "Model", "Platform"], swiftSettings: house),
        .testTarget(name: "SQLiteTests", dependencies: ["SQLite", "Platform"], swiftSettings: house),
        .testTarget(
            name: "EngineTests", dependencies: ["Engine", "Store", "Loading", "SQLite", "Model", "Platform"],
            swiftSettings: house),
        .testTarget(name: "SystemTests", dependencies: ["CSQLite", "strandline"], swiftSettings: house),
    ]
)
