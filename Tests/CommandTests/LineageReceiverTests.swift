import Foundation
import Testing

@testable import strandline

struct LineageReceiverTests {
    private let directory = NSTemporaryDirectory() + "strandline-lineage-" + UUID().uuidString

    init() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    @Test func isAnAddressOrAFile() {
        #expect(LineageReceiver.read("https://example.org/a?b=c").receiver == .url("https://example.org/a?b=c"))
        #expect(LineageReceiver.read(directory + "/events.json").receiver == .file(directory + "/events.json"))
        #expect(LineageReceiver.read("events.json").receiver == .file("events.json"))
        for text in ["", directory, "/nowhere/at/all/events", "ftp://example.org", "https://u:p@example.org"] {
            let (receiver, fault) = LineageReceiver.read(text)
            #expect(receiver == nil)
            #expect(fault != nil, "\(text)")
        }
    }

    @Test func everyLineIsWhole() throws {
        let path = directory + "/events"
        let file = LineFile(path: path)
        #expect(file.add("{\"a\":1}") == nil)
        // A crash in the middle of a line.
        let handle = try #require(FileHandle(forWritingAtPath: path))
        handle.seekToEndOfFile()
        handle.write(Data("{\"b\"".utf8))
        handle.closeFile()
        #expect(file.add("{\"b\":2}") == nil)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "{\"a\":1}\n{\"b\"\n{\"b\":2}\n")
        #expect(LineFile(path: directory).add("{}") != nil)
        #expect(LineFile(path: directory + "/none/events").add("{}")?.contains("no such file") == true)
        #expect(LineFile(path: "/dev/full").add("{}") != nil)
    }
}
