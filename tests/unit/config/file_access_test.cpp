// Users who may change or read a file, through any component of its path.
#include "agent/config/file_access.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uid_t somebody = 4321;
constexpr gid_t some_group = 4322;

class FileAccess : public testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "only root can give files away";
        }
        std::string name = "/tmp/understudy-access-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
        std::filesystem::create_directories(folder_ / "a/b");
        write("a/b/script", 0755);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string path(const std::string& name) const { return (folder_ / name).string(); }
    std::string write(const std::string& name, mode_t mode, const std::string& text = "") const {
        std::ofstream(path(name)) << text;
        chmod(path(name).c_str(), mode);
        return path(name);
    }
    std::string changes(const std::string& name, std::vector<uid_t> trusted = {0}) const {
        return others_who_may_change(path(name), trusted);
    }

    std::filesystem::path folder_;
};

TEST_F(FileAccess, file_of_root_in_directories_of_root_is_safe) {
    EXPECT_EQ(changes("a/b/script"), "");
    EXPECT_EQ(changes("a/./b/../b/script"), "");
    EXPECT_EQ(others_who_may_change("/etc/passwd", {0}), "");
}

TEST_F(FileAccess, file_that_is_not_there_is_no_ones_business) {
    EXPECT_EQ(changes("a/b/gone"), "");
    EXPECT_EQ(changes("gone/script"), "");
}

TEST_F(FileAccess, owner_of_the_file_may_change_it) {
    ASSERT_EQ(chown(path("a/b/script").c_str(), somebody, 0), 0);
    EXPECT_EQ(changes("a/b/script"), path("a/b/script") + " belongs to uid 4321");
    EXPECT_EQ(changes("a/b/script", {0, somebody}), "");
}

TEST_F(FileAccess, owner_of_any_directory_may_change_it) {
    ASSERT_EQ(chown(path("a").c_str(), somebody, 0), 0);
    EXPECT_EQ(changes("a/b/script"), path("a") + " belongs to uid 4321");
}

TEST_F(FileAccess, everybody_may_change_what_is_writable_for_others) {
    for (const char* name : {"a", "a/b", "a/b/script"}) {
        ASSERT_EQ(chmod(path(name).c_str(), 0777), 0);
        EXPECT_EQ(changes("a/b/script"), path(name) + " can be written by everybody");
        ASSERT_EQ(chmod(path(name).c_str(), 0755), 0);
    }
}

TEST_F(FileAccess, members_of_a_group_may_change_what_is_writable_for_it) {
    ASSERT_EQ(chmod(path("a/b").c_str(), 0775), 0);
    EXPECT_EQ(changes("a/b/script"), "") << "group root";
    ASSERT_EQ(chown(path("a/b").c_str(), 0, some_group), 0);
    EXPECT_EQ(changes("a/b/script"), path("a/b") + " can be written by group gid 4322");
}

TEST_F(FileAccess, nobody_replaces_what_is_in_a_sticky_directory) {
    ASSERT_EQ(chmod(path("a/b").c_str(), 01777), 0);
    EXPECT_EQ(changes("a/b/script"), "");
    ASSERT_EQ(chown(path("a/b/script").c_str(), somebody, 0), 0);
    EXPECT_THAT(changes("a/b/script"), HasSubstr("belongs to"));
}

TEST_F(FileAccess, links_are_followed) {
    std::filesystem::create_directory(path("other"));
    write("other/real", 0755);
    std::filesystem::create_symlink("../../other/real", path("a/b/relative"));
    std::filesystem::create_symlink(path("other"), path("a/absolute"));
    EXPECT_EQ(changes("a/b/relative"), "");
    EXPECT_EQ(changes("a/absolute/real"), "");
    ASSERT_EQ(chmod(path("other").c_str(), 0777), 0);
    EXPECT_EQ(changes("a/b/relative"), path("other") + " can be written by everybody");
    EXPECT_EQ(changes("a/absolute/real"), path("other") + " can be written by everybody");
}

// A user who may write the directory of a link can point it elsewhere.
TEST_F(FileAccess, directory_of_a_link_counts) {
    std::filesystem::create_symlink("/etc/passwd", path("a/b/link"));
    ASSERT_EQ(chmod(path("a/b").c_str(), 0777), 0);
    EXPECT_EQ(changes("a/b/link"), path("a/b") + " can be written by everybody");
}

TEST_F(FileAccess, links_in_a_circle_come_to_an_end) {
    std::filesystem::create_symlink("two", path("a/one"));
    std::filesystem::create_symlink("one", path("a/two"));
    EXPECT_THAT(changes("a/one"), HasSubstr("one symbolic link too many"));
}

TEST_F(FileAccess, everybody_may_read_what_is_readable_for_others) {
    EXPECT_EQ(others_who_may_read(write("secret", 0640), {0}), "");
    EXPECT_EQ(others_who_may_read(path("gone"), {0}), "");
    EXPECT_THAT(others_who_may_read(write("secret", 0644), {0}),
                AllOf(HasSubstr(path("secret")), HasSubstr("by everybody")));
}

// Each with the line that names it.
class ConfigurationAccess : public FileAccess {
protected:
    static constexpr const char* text = R"([agent]
script_user = root
[vip web]
interface = eth0
vrid = 51
address = 192.0.2.10/24
on_active = %hook
service = queue
track = https
[service queue]
standby = cold
start = %start
stop = /bin/true
check = probe
[check probe]
type = script
command = %command --deep
[check https]
type = http
url = https://192.0.2.5/
certificate = %certificate
key = %key
credentials = bearer
credentials_file = %token
)";
    void SetUp() override {
        FileAccess::SetUp();
        if (folder_.empty()) {
            return;
        }
        std::string filled = text;
        for (const char* name : {"hook", "start", "command", "certificate", "key", "token"}) {
            write(name, 0750);
            filled.replace(filled.find(std::string{'%'} + name), std::strlen(name) + 1, path(name));
        }
        write("main.conf", 0640, filled);
    }
    Lines problems(Severity of_configuration = Severity::error) {
        Result result = read_file(path("main.conf"));
        EXPECT_TRUE(result.configuration) << "valid but for what is looked for here";
        check_file_access(result, of_configuration);
        has_configuration_ = result.configuration.has_value();
        Lines lines = problems_of(result.diagnostics);
        for (std::string& line : lines) {
            line = line.substr(line.find("main.conf") + std::strlen("main.conf"));
            line = line.substr(0, line.find(": not safe"));
        }
        return lines;
    }

    bool has_configuration_ = false;
};

TEST_F(ConfigurationAccess, has_no_remark_where_everything_belongs_to_root) {
    EXPECT_THAT(problems(), IsEmpty());
    EXPECT_TRUE(has_configuration_);
}

TEST_F(ConfigurationAccess, check_without_key_and_credentials_has_nothing_to_hide) {
    write("main.conf", 0640,
          "[vip web]\ninterface = eth0\nvrid = 51\naddress = 192.0.2.10/24\n"
          "track = http\ntrack = tls\n"
          "[check http]\ntype = http\nurl = http://192.0.2.5/\n"
          "[check tls]\ntype = tls\ntarget = 192.0.2.5:443\n");
    EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(ConfigurationAccess, every_file_that_others_may_change_is_an_error) {
    for (const char* name : {"hook", "start", "command", "certificate", "key", "token"}) {
        ASSERT_EQ(chmod(path(name).c_str(), 0772), 0);
    }
    EXPECT_THAT(problems(), ElementsAre(":7: on_active", ":12: start", ":17: command",
                                        ":21: certificate", ":22: key", ":24: credentials_file"));
    EXPECT_FALSE(has_configuration_);
}

TEST_F(ConfigurationAccess, secret_that_others_may_read_is_an_error) {
    for (const char* name : {"certificate", "key", "token", "hook"}) {
        ASSERT_EQ(chmod(path(name).c_str(), 0755), 0);
    }
    EXPECT_THAT(problems(), ElementsAre(":22: key", ":24: credentials_file"));
}

TEST_F(ConfigurationAccess, file_that_others_may_change_is_an_error_or_a_warning) {
    ASSERT_EQ(chmod(path("main.conf").c_str(), 0646), 0);
    EXPECT_THAT(problems(), ElementsAre(":1"));
    EXPECT_FALSE(has_configuration_);
    EXPECT_THAT(problems(Severity::warning), ElementsAre(":1: warning"));
    EXPECT_TRUE(has_configuration_);
}

TEST_F(ConfigurationAccess, included_file_counts_too) {
    write("more.conf", 0646, "[check more]\ntype = icmp\ntarget = 192.0.2.1\n");
    std::ofstream(path("main.conf"), std::ios::app) << "include = more.conf\n";
    Result result = read_file(path("main.conf"));
    check_file_access(result);
    EXPECT_THAT(problems_of(result.diagnostics),
                Contains(AllOf(HasSubstr("more.conf:1: "), HasSubstr("written by everybody"))));
}

}  // namespace
}  // namespace understudy::config
