// The rights of a user on a path: owner, group, others, ACL, links, interpreters.
#include "agent/config/access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace understudy::config {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
namespace fs = std::filesystem;

class Access : public testing::Test {
protected:
    void SetUp() override {
        std::string name = fs::temp_directory_path() / "understudy-access-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = fs::canonical(name);
        allow(folder_, 0755);
        fs::create_directory(folder_ / "bin");
        allow(folder_ / "bin", 0755);
        program_ = write("bin/program", "#!/bin/sh\n", 0755);
    }
    void TearDown() override { fs::remove_all(folder_); }

    static void allow(const fs::path& path, unsigned mode) {
        fs::permissions(path, static_cast<fs::perms>(mode));
    }
    std::string write(const fs::path& name, const std::string& text, unsigned mode) {
        std::ofstream(folder_ / name) << text;
        allow(folder_ / name, mode);
        return folder_ / name;
    }
    // The result for a user who shares neither owner nor group with the files.
    static std::string stranger(const std::string& path, Use use) {
        return trouble_with(path, use, Identity{"stranger", 4'000'000, {4'000'000}});
    }
    static std::string member(const std::string& path, Use use) {
        return trouble_with(path, use, Identity{"member", 4'000'000, {4'000'000, getgid()}});
    }
    static std::string owner(const std::string& path, Use use) {
        return trouble_with(path, use, Identity{"owner", getuid(), {4'000'000}});
    }

    fs::path folder_;
    std::string program_;
};

TEST_F(Access, program_that_everybody_may_run) {
    EXPECT_EQ(stranger(program_, Use::execute), "");
    EXPECT_EQ(stranger(program_, Use::read), "");
}

// The case of a script below /etc/understudy, which belongs to root and the agent's group.
TEST_F(Access, directory_that_a_user_may_not_search_is_named_with_its_mode) {
    allow(folder_ / "bin", 0750);
    EXPECT_THAT(stranger(program_, Use::execute),
                StartsWith("cannot be run by user stranger: no permission to search " +
                           (folder_ / "bin").string() + " (mode 0750, "));
    EXPECT_THAT(stranger(program_, Use::read), StartsWith("cannot be read by user stranger: "));
    EXPECT_THAT(stranger(program_, Use::look), StartsWith("cannot be looked for by user "));
    EXPECT_EQ(member(program_, Use::execute), "");
    EXPECT_EQ(owner(program_, Use::execute), "");
}

TEST_F(Access, directory_anywhere_on_the_path_counts) {
    fs::create_directories(folder_ / "bin/a/b");
    const std::string deep = write("bin/a/b/program", "", 0755);
    allow(folder_ / "bin/a/b", 0755);
    allow(folder_ / "bin/a", 0744);
    EXPECT_THAT(stranger(deep, Use::execute), HasSubstr("search " + (folder_ / "bin/a").string()));
}

TEST_F(Access, class_of_the_user_decides_alone) {
    allow(program_, 0705);  // the group may not, although others may
    EXPECT_EQ(stranger(program_, Use::execute), "");
    EXPECT_THAT(member(program_, Use::execute), HasSubstr("no permission to execute " + program_));
    allow(program_, 0655);  // nor the owner
    EXPECT_THAT(owner(program_, Use::execute), HasSubstr("no permission to execute " + program_));
    EXPECT_EQ(stranger(program_, Use::execute), "");
}

TEST_F(Access, script_has_to_be_readable_and_a_binary_does_not) {
    allow(program_, 0711);
    EXPECT_THAT(stranger(program_, Use::execute), HasSubstr("no permission to read " + program_));
    EXPECT_EQ(stranger(write("bin/binary", "\177ELF", 0711), Use::execute), "");
}

TEST_F(Access, interpreter_of_a_script_is_judged_too) {
    EXPECT_EQ(stranger(write("a", "#! /nosuch/python -u\n", 0755), Use::execute),
              "is run by /nosuch/python, which does not exist");
    EXPECT_EQ(stranger(write("b", "#!" + program_ + "\n", 0755), Use::execute), "");
    EXPECT_EQ(stranger(write("c", "#!/etc/passwd\n", 0755), Use::execute),
              "is run by /etc/passwd, which is not executable");
    EXPECT_EQ(stranger(write("d", "#!\n", 0755), Use::execute), "");
}

TEST_F(Access, links_are_followed_and_their_directories_judged) {
    fs::create_directory(folder_ / "private");
    write("private/program", "", 0755);
    allow(folder_ / "private", 0700);
    fs::create_symlink("../private/program", folder_ / "bin/link");
    EXPECT_THAT(stranger(folder_ / "bin/link", Use::execute),
                HasSubstr("search " + (folder_ / "private").string() + ' '));
    fs::create_symlink(program_, folder_ / "private/back");
    EXPECT_EQ(owner(folder_ / "private/back", Use::execute), "");
    fs::create_symlink(folder_ / "bin/loop", folder_ / "bin/loop");
    EXPECT_EQ(stranger(folder_ / "bin/loop", Use::execute),
              "cannot be examined: Too many levels of symbolic links");
}

TEST_F(Access, missing_files_are_no_trouble_where_they_may_be_missing) {
    const std::string missing = folder_ / "bin/missing";
    EXPECT_EQ(stranger(missing, Use::execute), "does not exist");
    EXPECT_EQ(stranger(missing, Use::read), "does not exist");
    EXPECT_EQ(stranger(program_ + "/below-a-file", Use::read), "does not exist");
    EXPECT_EQ(stranger(missing, Use::read_if_there), "");
    EXPECT_EQ(stranger(missing, Use::look), "");
    EXPECT_THAT(stranger(write("secret", "", 0600), Use::read_if_there),
                HasSubstr("no permission to read"));
    EXPECT_EQ(stranger(folder_ / "secret", Use::look), "");
}

TEST_F(Access, without_a_user_only_what_nobody_could_use_is_trouble) {
    allow(folder_ / "bin", 0700);
    EXPECT_EQ(trouble_with(program_, Use::execute, {}), "");
    allow(program_, 0644);
    EXPECT_EQ(trouble_with(program_, Use::execute, {}), "is not executable");
    EXPECT_EQ(trouble_with(folder_ / "bin", Use::read, {}), "is not a file");
}

struct Entry {
    std::uint16_t tag, permissions;
    std::uint32_t id;
};

void set_acl(const std::string& path, const std::vector<Entry>& entries) {
    std::string raw{"\2\0\0\0", 4};
    for (const Entry& entry : entries) {
        raw.append(reinterpret_cast<const char*>(&entry), sizeof entry);
    }
    if (setxattr(path.c_str(), "system.posix_acl_access", raw.data(), raw.size(), 0) != 0) {
        // A file system without ACLs has none to judge.
        GTEST_SKIP() << "no ACLs here: " << std::strerror(errno);
    }
}

// acl(5): a named user's entry counts before groups and others, and the mask limits it.
TEST_F(Access, acl_grants_and_denies) {
    constexpr std::uint32_t none = 0xffffffff;
    const std::string folder = folder_ / "bin";
    set_acl(folder, {{ACL_USER_OBJ, 7, none},
                     {ACL_USER, 5, 4'000'000},
                     {ACL_GROUP_OBJ, 0, none},
                     {ACL_MASK, 5, none},
                     {ACL_OTHER, 0, none}});
    if (IsSkipped()) {
        return;
    }
    EXPECT_EQ(stranger(program_, Use::execute), "");
    EXPECT_NE(trouble_with(program_, Use::execute, Identity{"b", 4'000'001, {getgid()}}), "");
    set_acl(folder, {{ACL_USER_OBJ, 7, none},
                     {ACL_USER, 5, 4'000'000},
                     {ACL_GROUP_OBJ, 0, none},
                     {ACL_MASK, 4, none},
                     {ACL_OTHER, 5, none}});
    EXPECT_NE(stranger(program_, Use::execute), "");
    EXPECT_EQ(trouble_with(program_, Use::execute, Identity{"b", 4'000'001, {4'000'001}}), "");
    set_acl(folder, {{ACL_USER_OBJ, 7, none},
                     {ACL_GROUP_OBJ, 0, none},
                     {ACL_GROUP, 1, 4'000'002},
                     {ACL_MASK, 7, none},
                     {ACL_OTHER, 0, none}});
    EXPECT_EQ(trouble_with(program_, Use::execute, Identity{"c", 4'000'003, {4'000'002}}), "");
}

// In a mount namespace of its own, and so in a process of its own.
TEST_F(Access, nothing_runs_from_a_file_system_mounted_noexec) {
    if (getuid() != 0) {
        GTEST_SKIP() << "mounts as root only";
    }
    const pid_t child = fork();
    if (child == 0) {
        const bool is_mounted =
            unshare(CLONE_NEWNS) == 0 &&
            mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
            mount("tmpfs", (folder_ / "bin").c_str(), "tmpfs", MS_NOEXEC, "mode=755") == 0;
        const std::string path = is_mounted ? write("bin/program", "", 0755) : "";
        const std::string said = is_mounted ? stranger(path, Use::execute) : "no mount";
        _exit(said == "is on a file system that is mounted noexec" ? 0 : is_mounted ? 1 : 2);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == 2) {
        GTEST_SKIP() << "no mount namespace here";  // a container may forbid it
    }
    EXPECT_EQ(status, 0);
}

TEST(Identities, have_the_users_groups) {
    const auto root = identity_of("root");
    ASSERT_TRUE(root);
    EXPECT_EQ(root->user, 0U);
    EXPECT_THAT(root->groups, testing::Contains(0U));
    EXPECT_FALSE(identity_of("nosuchuser"));
}

}  // namespace
}  // namespace understudy::config
