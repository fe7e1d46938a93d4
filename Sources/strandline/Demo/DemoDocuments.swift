internal import CDemo

/// The documents of the demo: the files of examples/demo, embedded.
enum DemoDocuments {
    /// One file.
    struct Document {
        /// The file's name, without a directory.
        let name: String
        /// What it holds.
        let text: [UInt8]
    }

    /// All files, in the order of their names.
    static var all: [Document] {
        (0..<strandline_demo_count()).compactMap { place in
            guard let name = strandline_demo_name(place), let text = strandline_demo_text(place) else { return nil }
            let bytes = UnsafeBufferPointer(start: text, count: strandline_demo_length(place))
            return Document(name: String(cString: name), text: Array(bytes))
        }
    }
}
