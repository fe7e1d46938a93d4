/// One connection that is put aside until its answer is there.
final class Suspension: Sendable {
    func answer(_ response: Response) {}
    func abandon() {}
    func setDeadline(_ time: Duration, _ answer: @escaping @Sendable () -> Response) {}
}
