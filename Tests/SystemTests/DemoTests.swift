import Foundation
import Testing

struct DemoTests {
    @Test func makesAShopAndItsDocumentsOnce() throws {
        try withFolder { folder in
            let made = try Program.run(["demo", "d"], in: folder)
            #expect(made.code == 0, "\(made.errors)")
            #expect(made.output.contains("made d/shop.db: 20000 customers, 300000 orders"))
            let valid = try Program.run(["validate", "d/pipelines"], in: folder)
            #expect(valid.output == "3 pipelines and 2 connections are valid\n")
            // One truth: what is written is what `make run` serves.
            let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../examples/demo").standardizedFileURL
            let documents = try FileManager.default.contentsOfDirectory(atPath: examples.path)
                .filter { $0.hasSuffix(".yaml") }
            let pipelines = folder.appendingPathComponent("d/pipelines")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: pipelines.path).sorted() == documents.sorted())
            for name in documents {
                let (written, kept) = (pipelines.appendingPathComponent(name), examples.appendingPathComponent(name))
                #expect(try Data(contentsOf: written) == Data(contentsOf: kept))
            }
            let shop = folder.appendingPathComponent("d/shop.db")
            let before = try FileManager.default.attributesOfItem(atPath: shop.path)[.modificationDate] as? Date
            let again = try Program.run(["demo", "d"], in: folder)
            #expect(again.code == 0)
            #expect(!again.output.contains("made"))
            let after = try FileManager.default.attributesOfItem(atPath: shop.path)[.modificationDate] as? Date
            #expect(before == after)
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("d").path)
            #expect(names.sorted() == ["pipelines", "shop.db"])
        }
    }

    @Test func saysWhyItCannot() throws {
        try withFolder { folder in
            try Data("x".utf8).write(to: folder.appendingPathComponent("f"))
            let outcome = try Program.run(["demo", "f"], in: folder)
            #expect(outcome.code == 1)
            #expect(outcome.errors.contains("cannot make the directory f"))
        }
    }

    @Test func aLiveShopStopsBySignal() throws {
        try withFolder { folder in
            let process = Process()
            process.executableURL = Program.binary
            process.arguments = ["demo", "--live", "--rate", "3", "d"]
            process.currentDirectoryURL = folder
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            var text = ""
            while !text.contains("stop with Ctrl-C") {
                let bytes = output.fileHandleForReading.someBytes()
                try #require(!bytes.isEmpty, "it ended early: \(text)")
                text += String(decoding: bytes, as: UTF8.self)
            }
            process.terminate()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            #expect(process.terminationReason == .exit)
        }
    }
}
