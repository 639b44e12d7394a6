// What is left for the next agent.
#include "agent/host/maintenance_file.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "agent/host/boot_clock.hpp"

namespace understudy::host {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

class MaintenanceFileTest : public testing::Test {
protected:
    MaintenanceFileTest() {
        std::string path = testing::TempDir() + "maintenance-XXXXXX";
        dir_ = mkdtemp(path.data());
    }
    ~MaintenanceFileTest() override { std::filesystem::remove_all(dir_); }

    // What an agent keeps, and the next one finds.
    std::optional<control::MaintenanceRequest> kept(const core::KeepMaintenance& what) {
        {
            MaintenanceFile(dir_).keep(what);
        }
        return found();
    }
    std::optional<control::MaintenanceRequest> found() {
        return MaintenanceFile(dir_).read(problem_);
    }
    void write(const std::string& content) { std::ofstream(dir_ / "maintenance.json") << content; }

    std::filesystem::path dir_;
    std::string problem_;
};

TEST_F(MaintenanceFileTest, NothingIsThereAtFirst) {
    EXPECT_FALSE(found());
    EXPECT_THAT(problem_, IsEmpty());
}

TEST_F(MaintenanceFileTest, WithoutAnEndItIsFoundWithoutOne) {
    const auto request = kept({true, std::nullopt});
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->on);
    EXPECT_FALSE(request->expiry);
}

TEST_F(MaintenanceFileTest, TheEndStaysWhereItWas) {
    const auto request = kept({true, boot_now() + 1h});
    ASSERT_TRUE(request && request->expiry);
    EXPECT_LE(*request->expiry, 1h);
    EXPECT_GT(*request->expiry, 59min);
}

TEST_F(MaintenanceFileTest, WhoseTimeIsOverIsNotFound) {
    EXPECT_FALSE(kept({true, boot_now() - 1s}));
    EXPECT_THAT(problem_, IsEmpty());
}

TEST_F(MaintenanceFileTest, TheLastWordCounts) {
    {
        MaintenanceFile file(dir_);
        for (int i = 0; i < 100; ++i) {
            file.keep({true, std::nullopt});
            file.keep({false, std::nullopt});
        }
    }
    EXPECT_FALSE(found());
    EXPECT_TRUE(std::filesystem::is_empty(dir_)) << "no draft is left";
}

// Whoever wrote it meant something: nothing is taken until somebody has looked.
TEST_F(MaintenanceFileTest, WhatIsNotUnderstoodIsMaintenanceWithoutAnEnd) {
    for (const std::string content : {"", "{", "[]", R"({"until":17})", R"({"until":"soon"})"}) {
        write(content);
        const auto request = found();
        ASSERT_TRUE(request) << content;
        EXPECT_FALSE(request->expiry) << content;
        EXPECT_THAT(problem_, HasSubstr("maintenance.json")) << content;
    }
}

TEST_F(MaintenanceFileTest, TheServiceManagersDirectoryGoesFirst) {
    const std::filesystem::path state = dir_ / "state";
    std::filesystem::create_directory(state);
    setenv("STATE_DIRECTORY", state.c_str(), 1);
    EXPECT_TRUE(kept({true, std::nullopt}));
    unsetenv("STATE_DIRECTORY");
    EXPECT_TRUE(std::filesystem::exists(state / "maintenance.json"));
}

}  // namespace
}  // namespace understudy::host
