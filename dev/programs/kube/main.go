// Command kube holds every Kubernetes binary of the embedded cluster in one
// executable. One link step instead of seven keeps the first build short and
// the result small (the programs share most of their code).
//
// The applet is chosen by the name the program was called by (a symbolic link
// called "kubectl" behaves as kubectl) or, failing that, by the first argument.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// commands maps an applet's name to the constructor of its command tree.
// Constructors, not commands: building one registers global flags.
var commands = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
	"kube-proxy":              proxy.NewProxyCommand,
	"kubectl":                 kubectl.NewDefaultKubectlCommand,
	"local-provisioner":       newProvisionerCommand,
	"pki":                     newPKICommand,
}

func main() {
	name, found := applet()
	if !found {
		fmt.Fprintf(os.Stderr, "usage: kube APPLET [ARGUMENT...]\napplets: %s\n", strings.Join(names(), ", "))
		os.Exit(2)
	}
	if name == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	os.Exit(cli.Run(commands[name]()))
}

// applet finds the applet asked for and leaves os.Args as that program expects
// to see it: its own name first.
func applet() (string, bool) {
	if name := filepath.Base(os.Args[0]); known(name) {
		return name, true
	}
	if len(os.Args) < 2 || !known(os.Args[1]) {
		return "", false
	}
	os.Args = os.Args[1:]
	return os.Args[0], true
}

func known(name string) bool { return slices.Contains(names(), name) }

func names() []string {
	all := []string{"etcd"}
	for name := range commands {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
