// The real file system and environment.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class ReadFile : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "understudy-XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& text) const {
        const std::filesystem::path path = folder_ / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
        return path.string();
    }
    static Lines problems_in(const std::string& file) {
        return problems_of(read_file(file).diagnostics);
    }

    std::filesystem::path folder_;
};

TEST_F(ReadFile, ThatIsNotThere) {
    const std::string file = (folder_ / "gone").string();
    EXPECT_THAT(problems_in(file), ElementsAre(file + ":1: No such file or directory"));
    EXPECT_THAT(problems_in(folder_.string()),
                ElementsAre(folder_.string() + ":1: is a directory"));
}

TEST_F(ReadFile, TakesTheHostNameForTheNode) {
    const Result result = read_file(write("f", vip_with("")));
    ASSERT_TRUE(result.configuration);
    std::string host(256, '\0');
    gethostname(host.data(), host.size() - 1);
    EXPECT_EQ(result.configuration->agent.name, host.c_str());
}

TEST_F(ReadFile, WithIncludedOnes) {
    write("conf.d/b.conf", "[vip b]\ninterface = eth0\nvrid = 52\naddress = 192.0.2.11/24\n");
    const std::string a =
        write("conf.d/a.conf", "[vip a]\ninterface = eth0\nvrid = x\naddress = 192.0.2.12/24\n");
    write("conf.d/c.conf~", "nonsense");
    const std::string file = write("f", "include = conf.d/*.conf\ninclude = none.d/*.conf\n");
    EXPECT_THAT(problems_in(file),
                ElementsAre(a + R"(:3: vrid: "x" is not a whole number from 1 to 255)"));
    write("conf.d/a.conf", "[vip a]\ninterface = eth0\nvrid = 1\naddress = 192.0.2.12/24\n");
    const Result result = read_file(file);
    ASSERT_TRUE(result.configuration);
    ASSERT_THAT(result.configuration->vips, SizeIs(2));
    EXPECT_EQ(result.configuration->vips[0].name, "a");
    EXPECT_EQ(result.configuration->vips[1].name, "b");
}

TEST_F(ReadFile, ThatIncludesWhatIsNoFile) {
    std::filesystem::create_directory(folder_ / "d");
    const std::string file = write("f", "include = d\ninclude = f\n" + vip_with(""));
    EXPECT_THAT(problems_in(file),
                ElementsAre(file + ":1: " + (folder_ / "d").string() + ": is a directory",
                            file + ":2: " + file + " includes itself"));
}

TEST_F(ReadFile, ThatIsTooLarge) {
    const std::string file = write("f", std::string(largest_file + 10, '#'));
    EXPECT_THAT(problems_in(file), testing::Contains(file + ":1: the file is larger than 1 MiB"));
}

TEST_F(ReadFile, WithVariablesOfTheEnvironment) {
    ASSERT_EQ(setenv("UNDERSTUDY_TEST_VRID", "77", 1), 0);
    const Result result = read_file(write(
        "f",
        "[vip a]\ninterface = eth0\nvrid = ${UNDERSTUDY_TEST_VRID}\naddress = 192.0.2.12/24\n"));
    unsetenv("UNDERSTUDY_TEST_VRID");
    EXPECT_THAT(problems_of(result.diagnostics), IsEmpty());
    ASSERT_TRUE(result.configuration);
    EXPECT_EQ(result.configuration->vips[0].vrid, 77);
}

}  // namespace
}  // namespace understudy::config
