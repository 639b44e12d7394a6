// The hooks of a VIP, as they are written.
#include "agent/config/render.hpp"
#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using core::HookKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

TEST(Hooks, AreCommandsWithArguments) {
    const core::HookSettings hooks =
        vip_of(vip_with("on_active = /usr/local/sbin/x 'two words' 3\non_backup = /b\n"
                        "on_fault = /f\non_promote = /p\non_release = /r\n"
                        "hook_timeout = 500ms\nhook_arguments = keepalived\n"))
            .hooks;
    EXPECT_THAT(hooks.command(HookKind::active),
                ElementsAre("/usr/local/sbin/x", "two words", "3"));
    EXPECT_THAT(hooks.command(HookKind::backup), ElementsAre("/b"));
    EXPECT_THAT(hooks.command(HookKind::fault), ElementsAre("/f"));
    EXPECT_THAT(hooks.command(HookKind::promote), ElementsAre("/p"));
    EXPECT_THAT(hooks.command(HookKind::release), ElementsAre("/r"));
    EXPECT_EQ(hooks.timeout, 500ms);
    EXPECT_TRUE(hooks.keepalived_arguments);
}

TEST(Hooks, AreNoneUnlessWritten) {
    const core::HookSettings hooks = vip_of(vip_with("")).hooks;
    EXPECT_FALSE(hooks.any());
    EXPECT_EQ(hooks.timeout, 5s);
    EXPECT_FALSE(hooks.keepalived_arguments);
}

TEST(Hooks, WithMistakesAreRefused) {
    EXPECT_THAT(problems(vip_with("on_active = notify.sh\non_backup = /b | logger\n"
                                  "on_backup = /c\nhook_timeout = 11m\nhook_arguments = all\n"
                                  "on_actve = /x\n")),
                ElementsAre(HasSubstr("f:5: on_active: "),
                            HasSubstr("f:6: on_backup: \"/b | logger\": no shell"),
                            HasSubstr("f:7: on_backup is written twice"),
                            "f:8: hook_timeout: \"11m\" is longer than 10m",
                            HasSubstr("f:9: hook_arguments: "), HasSubstr("on_active")));
    EXPECT_THAT(problems(vip_with("hook_timeout = 1s\n")),
                ElementsAre(HasSubstr("f:5: warning: hook_timeout does nothing without a hook")));
}

}  // namespace
}  // namespace understudy::config
