// The lock of the runtime directory, and what may be in its place.
#include "agent/host/runtime_dir.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace understudy::host {
namespace {

using testing::HasSubstr;

class RuntimeDir : public testing::Test {
protected:
    RuntimeDir() {
        char name[] = "/tmp/understudy-runtime-XXXXXX";
        dir_ = mkdtemp(name);
    }
    ~RuntimeDir() override { std::filesystem::remove_all(dir_); }

    std::filesystem::path dir_;
};

TEST_F(RuntimeDir, second_agent_is_refused) {
    const auto first = claim_runtime_dir(dir_);
    ASSERT_TRUE(first) << first.error();
    const auto second = claim_runtime_dir(dir_);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error(), HasSubstr("another agent"));
}

TEST_F(RuntimeDir, lock_of_a_former_agent_is_taken) {
    {
        const auto former = claim_runtime_dir(dir_);
    }
    EXPECT_TRUE(claim_runtime_dir(dir_));
}

TEST_F(RuntimeDir, folder_or_link_in_the_place_of_the_lock_is_removed) {
    std::filesystem::create_directories(dir_ / "lock" / "deep");
    EXPECT_TRUE(claim_runtime_dir(dir_));
    std::filesystem::remove(dir_ / "lock");
    const auto elsewhere = dir_ / "elsewhere";
    std::ofstream(elsewhere) << "not ours";
    std::filesystem::create_symlink(elsewhere, dir_ / "lock");
    EXPECT_TRUE(claim_runtime_dir(dir_));
    EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(dir_ / "lock")));
    EXPECT_EQ(std::filesystem::file_size(elsewhere), 8U);
}

}  // namespace
}  // namespace understudy::host
