internal import Model
internal import Store

extension ControlStore {
    /// Reads one state of the control database with a body that fails in the words of an answer.
    func reading<Value>(_ body: (ReadSession) throws(Failure) -> Value) throws(Failure) -> Value {
        try storing { () throws(StoreError) in
            try read { (session) throws(StoreError) in Result { () throws(Failure) in try body(session) } }
        }.get()
    }
}

/// Puts what the store says into the words of an answer.
func storing<Value>(_ body: () throws(StoreError) -> Value) throws(Failure) -> Value {
    do throws(StoreError) { return try body() } catch { throw error.failure }
}
