import Testing

@testable import strandline

struct ArgumentReaderTests {
    private static let form = CommandForm(
        name: "load", summary: "Loads.", operands: [Operand(name: "FROM"), Operand(name: "TO", isOptional: true)],
        options: [
            .value("listen", "ADDRESS", "Where.", usual: "here", variable: "T_LISTEN"),
            .value("root", "DIR", "Roots.", isRepeatable: true, variable: "T_ROOT"),
            .flag("quick", "Quickly.", variable: "T_QUICK"),
        ])

    private func read(
        _ words: [String], _ environment: [String: String] = [:]
    ) -> (arguments: Arguments, problems: [String]) {
        ArgumentReader.read(words, by: ArgumentReaderTests.form) { environment[$0] }
    }

    @Test func readsOptionsAnywhereAmongOperands() {
        let (arguments, problems) = read(["--quick", "a", "--listen", "x:1", "b", "--root=r1", "--root", "r2"])
        #expect(problems.isEmpty)
        #expect(arguments.operands == ["a", "b"])
        #expect(arguments.flag("quick"))
        #expect(arguments.text("listen") == "x:1")
        #expect(arguments.texts("root") == ["r1", "r2"])
    }

    @Test func wordsAfterTwoDashesAreOperands() {
        let (arguments, problems) = read(["--", "--listen", "-x"])
        #expect(problems.isEmpty)
        #expect(arguments.operands == ["--listen", "-x"])
    }

    @Test func oneDashAndNegativeNumbersAreOperands() {
        #expect(read(["-", "-12.5"]).arguments.operands == ["-", "-12.5"])
    }

    @Test func aValueMayBeEmptyOrBeginWithADash() {
        #expect(read(["a", "--listen="]).arguments.text("listen") == "")
        #expect(read(["a", "--listen", "-5"]).arguments.text("listen") == "-5")
        #expect(read(["a", "--listen=--x"]).arguments.text("listen") == "--x")
    }

    @Test func flagsStandOverTheEnvironment() {
        let environment = ["T_LISTEN": "env:1", "T_ROOT": "e1,e2", "T_QUICK": "true"]
        let (fromEnvironment, problems) = read(["a"], environment)
        #expect(problems.isEmpty)
        #expect(fromEnvironment.text("listen") == "env:1")
        #expect(fromEnvironment.value("listen")?.origin == "T_LISTEN")
        #expect(fromEnvironment.texts("root") == ["e1", "e2"])
        #expect(fromEnvironment.flag("quick"))
        let (arguments, _) = read(["a", "--listen", "flag:1", "--root", "r"], environment)
        #expect(arguments.text("listen") == "flag:1")
        #expect(arguments.value("listen")?.origin == "--listen")
        #expect(arguments.texts("root") == ["r"])
    }

    @Test func anEmptyVariableIsNone() {
        #expect(read(["a"], ["T_LISTEN": "", "T_QUICK": "0"]).arguments.text("listen") == nil)
        #expect(!read(["a"], ["T_QUICK": "false"]).arguments.flag("quick"))
    }

    @Test(
        arguments: [
            ([], "FROM is missing; see strandline load --help"),
            (["a", "b", "c"], "`c` is one word too many; see strandline load --help"),
            (["a", "--lisen", "x"], "there is no --lisen here; did you mean --listen?"),
            (["a", "--lisen=x"], "there is no --lisen here; did you mean --listen?"),
            (["a", "-q"], "there is no -q here; strandline load --help lists the options"),
            (["a", "--nonsense"], "there is no --nonsense here; strandline load --help lists the options"),
            (["a", "--listen"], "--listen needs a value; write --listen ADDRESS"),
            (["a", "--listen", "--quick"], "--listen needs a value; write --listen ADDRESS"),
            (["a", "--listen", "1", "--listen", "2"], "--listen is given twice; give it once"),
            (["a", "--quick=yes"], "--quick takes no value; write it alone"),
        ] as [([String], String)])
    func refuses(words: [String], problem: String) {
        #expect(read(words).problems == [problem])
    }

    @Test func tellsEveryProblemAtOnce() {
        #expect(read(["--lisen", "x", "--quick=1", "--root"]).problems.count == 4)
        #expect(read(["a"], ["T_QUICK": "maybe"]).problems == ["T_QUICK is `maybe`; set it to true or false"])
    }

    @Test func theHelpNamesEveryOption() {
        let help = ArgumentReaderTests.form.help
        #expect(help.hasPrefix("Usage: strandline load FROM [TO] [options]\n"))
        for word in ["--listen ADDRESS", "--root DIR", "--quick", "usually here", "may be repeated", "T_QUICK"] {
            #expect(help.contains(word))
        }
    }
}
