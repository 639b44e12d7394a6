// The language of keepalived.conf(5): comments, quotes, braces, @id lines, parameters, includes.
#include "agent/import/reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/import/importing.hpp"

namespace understudy::importer {
namespace {

using testing::HasSubstr;

// Words in <>, blocks in {}.
std::string show(const std::vector<Statement>& statements) {
    std::string text;
    for (const Statement& statement : statements) {
        for (const std::string& word : statement.words) {
            text += '<' + word + '>';
        }
        text += statement.has_block ? '{' + show(statement.block) + '}' : ";";
    }
    return text;
}

struct Reading {
    std::string shown;
    std::string notes;
};

Reading read_text(const std::string& text, const std::map<std::string, std::string>& files = {}) {
    Notes notes;
    const Source source = read("/etc/k/main.conf", text, "lb1", surroundings(files), notes);
    Result result;
    result.notes = notes.take();
    return {show(source.statements), notes_of(result)};
}

TEST(KeepalivedSyntax, CommentsBeginAnywhereButInQuotes) {
    EXPECT_EQ(read_text("! all of it\n# this too\na b # c\nd ! e\n").shown, "<a><b>;<d>;");
    EXPECT_EQ(read_text("a \"b # c ! d\" e\n").shown, "<a><b # c ! d><e>;");
    EXPECT_EQ(read_text("a b\\#c\n").shown, "<a><b#c>;");
}

TEST(KeepalivedSyntax, QuotesKeepBlanksAndGoAway) {
    EXPECT_EQ(read_text("script \"/bin/x 'a b' c\"\n").shown, "<script></bin/x 'a b' c>;");
    EXPECT_EQ(read_text("script 'pidof x' y\n").shown, "<script><pidof x><y>;");
    EXPECT_EQ(read_text("a \"b \\\" c\"\n").shown, "<a><b \" c>;");
    EXPECT_EQ(read_text("from o'brien here\n").shown, "<from><o'brien><here>;");
    EXPECT_THAT(read_text("a \"b\n").notes, HasSubstr("1: warning: a quote is not closed"));
}

TEST(KeepalivedSyntax, BracesStandWhereTheyLike) {
    for (const char* text : {"a b {\nc d\n}\n", "a b\n{\nc d\n}\n", "a b { c d }\n", "a b{c d}\n",
                             "a b\n\n{ c d\n}"}) {
        EXPECT_EQ(read_text(text).shown, "<a><b>{<c><d>;}") << text;
    }
    EXPECT_EQ(read_text("a {\nb { c } d\n}\ne\n").shown, "<a>{<b>{<c>;}<d>;}<e>;");
    EXPECT_EQ(read_text("a {\n}\nb\n").shown, "<a>{}<b>;");
}

TEST(KeepalivedSyntax, BracesThatDoNotMatchAreNamed) {
    EXPECT_EQ(read_text("a\n}\nb\n").notes, "2: warning: a \"}\" that closes nothing\n");
    EXPECT_EQ(read_text("a {\nb\n").notes,
              "2: warning: a \"}\" is missing: a block is open at the end\n");
    EXPECT_THAT(read_text("{{ filled_in_later }}\n").notes, HasSubstr("is this a template"));
}

TEST(KeepalivedSyntax, LinesOfOtherNodesDoNotCount) {
    EXPECT_EQ(read_text("@lb1 a\n@lb2 b\n@^lb1 c\n@^lb2 d\n").shown, "<a>;<d>;");
    EXPECT_EQ(read_text("x {\n@lb1 priority 150\n@lb2 priority 100\n}\n").shown,
              "<x>{<priority><150>;}");
}

// The examples of keepalived.conf(5), "Parameter substitution".
TEST(KeepalivedSyntax, ParametersAreReplacedWhenTheyAreUsed) {
    EXPECT_EQ(
        read_text("$BASE=10.2.${SUB}\n$SUB=0\n${BASE}.100/32\n$SUB=10\n${BASE}.100/32\n").shown,
        "<10.2.0.100/32>;<10.2.10.100/32>;");
    EXPECT_EQ(read_text("@lb1 $PRIO=240\n@lb2 $PRIO=200\npriority $PRIO\n").shown,
              "<priority><240>;");
    EXPECT_EQ(read_text("$IF_MAIN=@lb1\n$IF_MAIN priority 240\n").shown, "<priority><240>;");
    EXPECT_EQ(read_text("$IF_MAIN=@other\n$IF_MAIN priority 240\n").shown, "");
    EXPECT_EQ(read_text("$E=\na $E b\n").shown, "<a><b>;");
    EXPECT_EQ(read_text("$A=1\nx $AB y\n").shown, "<x><$AB><y>;");
}

TEST(KeepalivedSyntax, ParametersHaveSeveralLines) {
    EXPECT_EQ(read_text("$I= \\\nvrrp_instance VI_${N} { \\\n  @lb1 priority 130 \\\n"
                        "  @lb2 priority 120 \\\n\n  $V=${N}0 \\\n  virtual_router_id $V \\\n}\n"
                        "$N=1\n$I\n$N=2\n$I\n")
                  .shown,
              "<vrrp_instance><VI_1>{<priority><130>;<virtual_router_id><10>;}"
              "<vrrp_instance><VI_2>{<priority><130>;<virtual_router_id><20>;}");
    EXPECT_EQ(read_text("a b \\\n c\n").shown, "<a><b><c>;");
}

TEST(KeepalivedSyntax, KnowsWhatKeepalivedDefinesItself) {
    EXPECT_EQ(read_text("a ${_PWD}/x ${_INSTANCE} ${_ENV SITE} ${_HASH}1 ${_BANG}\n").shown,
              "<a></etc/k/x><lb1><7><#1><!>;");
    EXPECT_THAT(read_text("a ${_RANDOM 1 5}\n").notes, HasSubstr("not defined, or not known"));
    EXPECT_THAT(read_text("a ${NOBODY}\n").notes, HasSubstr("1: warning: a parameter"));
}

TEST(KeepalivedSyntax, SequencesAreNamed) {
    const Reading reading = read_text("a {\n~SEQ(X, 1, 3) 192.0.2.${X}\n~LST(Y, 4) ${Y}\n}\n");
    EXPECT_EQ(reading.shown, "<a>{}");
    EXPECT_THAT(reading.notes, HasSubstr("2: error: \"~SEQ(X, 1, 3)"));
    EXPECT_THAT(reading.notes, HasSubstr("3: error: \"~LST"));
}

TEST(KeepalivedSyntax, IncludesAreRelativeToTheirFile) {
    const std::map<std::string, std::string> files = {{"/etc/k/d/b", "b ${_PWD}\ninclude c\n"},
                                                      {"/etc/k/d/c", "c\n"},
                                                      {"/etc/k/e", "include e\n"}};
    EXPECT_EQ(read_text("a\ninclude d/b\nd\n", files).shown, "<a>;<b></etc/k/d>;<c>;<d>;");
    EXPECT_EQ(read_text("includea /etc/k/d/*\n", files).shown, "<b></etc/k/d>;<c>;<c>;");
    EXPECT_THAT(read_text("include none\n", files).notes, HasSubstr("there is no file"));
    EXPECT_THAT(read_text("include e\n", files).notes, HasSubstr("in a circle"));
}

TEST(HostileInput, HasLimits) {
    // Each parameter doubles the one before: 2^40 words.
    std::string doubling = "$A0=x\n";
    for (int i = 1; i <= 40; ++i) {
        const std::string last = "${A" + std::to_string(i - 1) + "} ";
        doubling += "$A" + std::to_string(i) + '=' + last + last + '\n';
    }
    EXPECT_THAT(read_text(doubling + "a ${A40}\n").notes, HasSubstr("error"));
    EXPECT_THAT(read_text("$A=${A} ${A}\na ${A}\n").notes, HasSubstr("error"));
    EXPECT_THAT(read_text("$A=b \\\n$A \\\n$A\n$A\n").notes, HasSubstr("error"));
    EXPECT_THAT(read_text(std::string(1000, '{')).notes, HasSubstr("deeper than 32"));
    EXPECT_THAT(read_text("a \x01\n").notes, HasSubstr("control character"));
}

}  // namespace
}  // namespace understudy::importer
