// notify scripts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/config/keys.hpp"
#include "tests/unit/import/importing.hpp"

namespace understudy::importer {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// An agent that refuses on_active as a key is told nothing of the kind.
class ImportedNotify : public testing::Test {
protected:
    void SetUp() override {
        const auto& keys = config::vip_keys();
        if (std::ranges::find(keys, "on_active", &config::Key<config::VipDraft>::name) ==
            keys.end()) {
            GTEST_SKIP() << "this version has no hooks";
        }
    }
};

Result with(const std::string& notifies) {
    const Result result = instance(addresses + notifies);
    EXPECT_EQ(result.vips, 1U) << notes_of(result);
    return result;
}

TEST_F(ImportedNotify, EachStateHasItsScript) {
    const Result result =
        with("notify_master /x/m\nnotify_backup \"/x/b 1 'a b'\"\nnotify_fault \"/x/f; y\"\n");
    EXPECT_THAT(result.text,
                AllOf(HasSubstr("on_active = /x/m\n"), HasSubstr("on_backup = /x/b 1 'a b'\n"),
                      HasSubstr("on_fault = /bin/sh -c '/x/f'\\;' y'\n"),
                      Not(HasSubstr("hook_arguments"))));
}

// keepalived.conf(5): notify is run for any state, with four more arguments.
TEST_F(ImportedNotify, OneForAllOfThemHasKeepalivedsArguments) {
    EXPECT_THAT(with("notify /x/n\n").text,
                AllOf(HasSubstr("on_active = /x/n\n"), HasSubstr("on_backup = /x/n\n"),
                      HasSubstr("on_fault = /x/n\n"), HasSubstr("hook_arguments = keepalived\n")));
    const Result result = with("notify /x/n\n");
    EXPECT_THAT(result.text, HasSubstr("hook_timeout = 1m\n"));
    EXPECT_THAT(notes_of(result), HasSubstr("here they run as nobody: write [agent] script_user"));
}

TEST_F(ImportedNotify, WhatHasNoPlaceIsNamed) {
    const Result both =
        with("notify_master /x/m\nnotify /x/n\nnotify_stop /x/s\nnotify_master /x/o\n");
    EXPECT_THAT(both.text, AllOf(HasSubstr("on_active = /x/m\n"), HasSubstr("on_backup = /x/n\n"),
                                 HasSubstr("on_fault = /x/n\n"), Not(HasSubstr("/x/o"))));
    const Result all = with("notify_master /x\nnotify_backup /x\nnotify_fault /x\nnotify /x/n\n");
    EXPECT_THAT(all.text, AllOf(Not(HasSubstr("/x/n")), Not(HasSubstr("hook_arguments"))));
    EXPECT_THAT(notes_of(all, Severity::warning), HasSubstr("notify /x/n: each state has one"));
    EXPECT_THAT(notes_of(both, Severity::warning),
                AllOf(HasSubstr("notify /x/n: each state has one script: runs for those"),
                      HasSubstr("notify_stop /x/s: no script of its own"),
                      HasSubstr("notify_master /x/o: on_active is one script")));
    EXPECT_THAT(notes_of(with("notify_master /x/m joe joes\n")),
                HasSubstr("it runs as [agent] script_user"));
    EXPECT_THAT(notes_of(with("notify_master\n")), HasSubstr("there is no script in it"));
}

}  // namespace
}  // namespace understudy::importer
