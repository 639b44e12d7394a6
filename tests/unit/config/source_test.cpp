// Text -> lines: comments, quotes, variables, includes, limits.
#include "agent/config/source.hpp"

#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

struct Outcome {
    Source source;
    Lines problems;

    // "file:line kind name key=value", in order.
    Lines assignments() const {
        Lines lines;
        for (const Section& section : source.sections) {
            for (const Assignment& assignment : section.assignments) {
                lines.push_back(to_string(assignment.place) + ' ' + section.kind + ' ' +
                                section.name + ' ' + assignment.key + '=' + assignment.value);
            }
        }
        return lines;
    }
};

Outcome read_lines(std::string_view text, const Imagined& imagined = {}) {
    Diagnostics diagnostics;
    const Surroundings surroundings = imagined.surroundings();
    Source source = read_source("f", text, surroundings, diagnostics);
    return {std::move(source), problems_of(diagnostics)};
}

TEST(SourceLines, KnowTheirPlace) {
    const auto outcome = read_lines("\n# x\n[vip web]\n\n  key = value\n");
    EXPECT_THAT(outcome.problems, IsEmpty());
    ASSERT_THAT(outcome.source.sections, SizeIs(1));
    const Section& section = outcome.source.sections[0];
    EXPECT_EQ(section.kind, "vip");
    EXPECT_EQ(section.name, "web");
    EXPECT_EQ(section.place.line, 3);
    EXPECT_EQ(section.assignments.at(0).place.line, 5);
    EXPECT_EQ(section.assignments.at(0).place.column, 3);
}

TEST(SourceLines, CommentsStartAtTheBeginningOrAfterABlank) {
    const auto outcome =
        read_lines("[s] # x\n; x\n  # x = y\na = 1 # x\nb = 2\t;x\nc = 3#4\nd = e;f\n");
    EXPECT_THAT(outcome.problems, IsEmpty());
    EXPECT_THAT(outcome.assignments(),
                ElementsAre("f:4 s  a=1", "f:5 s  b=2", "f:6 s  c=3#4", "f:7 s  d=e;f"));
}

TEST(SourceLines, QuotesProtectComments) {
    const auto outcome = read_lines("[s]\na = \"1 # 2\"\nb = \" x \" ; y\nc = d\"e\n");
    EXPECT_THAT(outcome.problems, IsEmpty());
    EXPECT_THAT(outcome.assignments(),
                ElementsAre("f:2 s  a=1 # 2", "f:3 s  b= x ", "f:4 s  c=d\"e"));
}

TEST(SourceLines, QuotesAreClosedAndEndTheValue) {
    EXPECT_THAT(read_lines("[s]\na = \"1\nb = \"1\" 2 # x\n").problems,
                ElementsAre(R"(f:2: the quote is not closed: ""1")",
                            R"(f:3: after the closing quote there is still "2 # x")"));
}

TEST(SourceLines, ByteOrderMarkAndWindowsLineEndsAreTolerated) {
    const auto outcome = read_lines("\xef\xbb\xbf[s]\r\na = 1\r\nb = \"2\"\r\n");
    EXPECT_THAT(outcome.problems, IsEmpty());
    EXPECT_THAT(outcome.assignments(), ElementsAre("f:2 s  a=1", "f:3 s  b=2"));
}

TEST(SourceLines, MayEndWithoutALineEnd) {
    EXPECT_THAT(read_lines("[s]\na = 1").assignments(), ElementsAre("f:2 s  a=1"));
}

TEST(SourceLines, AreKeyAndValueInASection) {
    EXPECT_THAT(
        read_lines("a = 1\n[s]\nnonsense\n= 1\nb =\nc = \"\"\n[s").problems,
        ElementsAre("f:1: a stands before the first section",
                    R"(f:3: expected "key = value", not "nonsense")",
                    R"(f:4: there is no key before the "=")", "f:5: b has no value",
                    "f:6: c has no value", R"(f:7: a section is written [kind name], not "[s")"));
}

TEST(SourceLines, ControlCharactersAreErrors) {
    EXPECT_THAT(read_lines("[s]\na = \x1b[31m\nb = 1\rc = 2\nd = \"1 # \x01\"\n# \x1b\n").problems,
                ElementsAre("f:2: the line has a control character",
                            "f:3: the line has a control character",
                            "f:4: the value has a control character"));
}

TEST(SourceLines, ANulByteEndsTheReading) {
    using namespace std::string_view_literals;
    EXPECT_THAT(read_lines("[s]\na = \0\nb\nc\n"sv).problems,
                ElementsAre("f:2: the line has a NUL byte: this is not a text file"));
}

TEST(SourceLines, HaveALimitedLength) {
    const std::string longest = "a = " + std::string(longest_line - 4, 'x');
    EXPECT_THAT(read_lines("[s]\n" + longest + '\n').problems, IsEmpty());
    EXPECT_THAT(read_lines("[s]\n" + longest + "x\nb\n").problems,
                ElementsAre("f:2: the line is longer than 4096 bytes",
                            R"(f:3: expected "key = value", not "b")"));
}

TEST(SourceLines, TheFileHasALimitedSize) {
    const std::string comments = std::string(largest_file - 1, '\n') + '#';
    EXPECT_THAT(read_lines(comments).problems, IsEmpty());
    EXPECT_THAT(read_lines(comments + '#').problems,
                ElementsAre("f:1: the file is larger than 1 MiB"));
}

TEST(Variables, AreReplacedInValuesAndNames) {
    const Imagined imagined{{}, {{"A", "1"}, {"NAME", "web"}, {"COMMENT", "x # y"}}};
    const auto outcome = read_lines(
        "[vip ${NAME}]\na = ${A}\nb = <${A}${A}>\nc = \"${A} # 2\"\nd = ${COMMENT}\n", imagined);
    EXPECT_THAT(outcome.problems, IsEmpty());
    EXPECT_THAT(outcome.assignments(), ElementsAre("f:2 vip web a=1", "f:3 vip web b=<11>",
                                                   "f:4 vip web c=1 # 2", "f:5 vip web d=x # y"));
}

TEST(Variables, ADoubledDollarIsAPlainOne) {
    const Imagined imagined{{}, {{"A", "1"}}};
    const auto outcome =
        read_lines("[s]\na = $${A}\nb = $${A}${A}\nc = $$${A}\nd = $A $ {\n", imagined);
    EXPECT_THAT(outcome.problems, IsEmpty());
    EXPECT_THAT(outcome.assignments(), ElementsAre("f:2 s  a=${A}", "f:3 s  b=${A}1",
                                                   "f:4 s  c=$${A}", "f:5 s  d=$A $ {"));
}

TEST(Variables, MustExistAndFit) {
    const Imagined imagined{
        {}, {{"LINES", "a\nb"}, {"LONG", std::string(longest_line, 'x')}, {"EMPTY", ""}}};
    EXPECT_THAT(
        read_lines("[s ${GONE}]\na = ${GONE}\nb = ${\nc = ${LINES}\nd = ${}\n"
                   "e = ${LONG}${LONG}\ng = ${EMPTY}\n# ${GONE}\n",
                   imagined)
            .problems,
        ElementsAre(R"(f:1: the environment has no variable "GONE")",
                    R"(f:2: the environment has no variable "GONE")",
                    R"(f:3: "${" without "}"; a plain "${" is written "$${")",
                    R"(f:4: the variable "LINES" has a line end or another control character)",
                    R"(f:5: the environment has no variable "")",
                    "f:6: the line is longer than 4096 bytes with its variables",
                    "f:7: g has no value"));
}

TEST(Variables, MustBeWritableAgain) {
    const Imagined imagined{{}, {{"A", "say \"x\""}, {"B", "# no"}, {"C", "\"x"}}};
    EXPECT_THAT(read_lines("[s]\na = ${A}\nb = ${B}\nc = ${A} ${B}\nd = ${C}\n", imagined).problems,
                ElementsAre(testing::StartsWith("f:4: c: with its variables the value has a quote"),
                            testing::StartsWith("f:5: d: with its variables")));
}

TEST(Includes, AreSortedAndRelativeToTheIncludingFile) {
    const Imagined imagined{{{"d/b", "b = 2\n"}, {"d/a", "a = 1\n"}}, {}};
    Diagnostics diagnostics;
    const Surroundings surroundings = imagined.surroundings();
    const Outcome outcome{
        read_source("d/main", "[s]\ninclude = a*\ninclude = b\n", surroundings, diagnostics),
        problems_of(diagnostics)};
    EXPECT_THAT(outcome.problems, IsEmpty());
    EXPECT_THAT(outcome.assignments(), ElementsAre("d/a:1 s  a=1", "d/b:1 s  b=2"));
    const auto both = read_lines("[s]\ninclude = d/*\n", imagined);
    EXPECT_THAT(both.assignments(), ElementsAre("d/a:1 s  a=1", "d/b:1 s  b=2"));
}

TEST(Includes, StartInTheSectionThatIncludesAndEndTheirOwn) {
    const Imagined imagined{{{"x", "a = 1\n[t]\nb = 2\n"}}, {}};
    const auto outcome = read_lines("[s]\ninclude = x\nc = 3\n", imagined);
    EXPECT_THAT(outcome.problems, IsEmpty());
    EXPECT_THAT(outcome.assignments(), ElementsAre("x:1 s  a=1", "f:3 s  c=3", "x:3 t  b=2"));
}

TEST(Includes, MayStandBeforeTheFirstSection) {
    const Imagined imagined{{{"x", "[t]\nb = 2\n"}}, {}};
    const auto outcome = read_lines("include = x\nc = 3\n", imagined);
    EXPECT_THAT(outcome.assignments(), ElementsAre("x:2 t  b=2"));
    EXPECT_THAT(outcome.problems, ElementsAre("f:2: c stands before the first section"));
}

TEST(Includes, OnlyAPatternMayStandForNothing) {
    EXPECT_THAT(read_lines("include = gone\ninclude = gone*\n").problems,
                ElementsAre(R"(f:1: there is no file "gone")"));
    Diagnostics diagnostics;
    read_source("/etc/f", "include = gone", {}, diagnostics);
    EXPECT_THAT(problems_of(diagnostics), ElementsAre(R"(/etc/f:1: there is no file "/etc/gone")"));
}

TEST(Includes, InACircleAreErrors) {
    const Imagined imagined{{{"f", ""}, {"x", "include = y\n"}, {"y", "\ninclude = x\n"}}, {}};
    EXPECT_THAT(
        read_lines("include = f\ninclude = x\ninclude = x\n", imagined).problems,
        ElementsAre("f:1: f includes itself", "y:2: x includes itself", "y:2: x includes itself"));
}

// The name of a file.
template <class Number>
std::string numbered(Number number) {
    return std::string(1, 'n').append(std::to_string(number));
}

TEST(Includes, HaveALimitedDepth) {
    Imagined imagined;
    for (int i = 1; i <= 9; ++i) {
        imagined.files[numbered(i)] = "include = n" + std::to_string(i + 1) + '\n';
    }
    imagined.files["n8"] = "[s]\na = 1\n";
    EXPECT_THAT(read_lines("include = n1", imagined).assignments(), ElementsAre("n8:2 s  a=1"));
    imagined.files["n8"] = "include = n9\n";
    EXPECT_THAT(read_lines("include = n1", imagined).problems,
                ElementsAre("n8:1: includes are nested deeper than 8"));
}

TEST(Includes, HaveALimitedNumber) {
    Imagined imagined;
    for (std::size_t i = 0; i < most_files; ++i) {
        imagined.files[numbered(i)] = "";
    }
    EXPECT_THAT(read_lines("include = n*\n", imagined).problems, IsEmpty());
    imagined.files["nn"] = "";
    EXPECT_THAT(read_lines("\ninclude = n*\n", imagined).problems,
                ElementsAre("f:2: more than 256 files are included"));
}

}  // namespace
}  // namespace understudy::config
