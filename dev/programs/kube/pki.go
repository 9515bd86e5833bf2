package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// tenYears outlives every development machine; nothing here renews anything.
const tenYears = 10 * 365 * 24 * time.Hour

// authority signs every certificate of one cluster and writes them, with their
// keys, into one directory as NAME.crt and NAME.key.
type authority struct {
	directory   string
	certificate *x509.Certificate
	key         crypto.Signer
}

// newPKICommand makes the cluster's keys here, in Go, because the tool around
// this program has only Python's standard library, which cannot sign.
func newPKICommand() *cobra.Command {
	var directory string
	var addresses, hosts, clients []string
	command := &cobra.Command{
		Use:   "pki",
		Short: "Write a certificate authority and what it signs into a directory",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return writePKI(directory, addresses, hosts, clients)
		},
	}
	flags := command.Flags()
	flags.StringVar(&directory, "directory", ".", "where the files are written")
	flags.StringSliceVar(&addresses, "address", nil, "IP addresses of the serving certificate")
	flags.StringSliceVar(&hosts, "host", nil, "DNS names of the serving certificate")
	flags.StringSliceVar(&clients, "client", nil, "client certificates, as FILE=USER or FILE=USER/GROUP")
	return command
}

func writePKI(directory string, addresses, hosts, clients []string) error {
	signer, err := newAuthority(directory)
	if err != nil {
		return err
	}
	if err := signer.serving("serving", addresses, hosts); err != nil {
		return err
	}
	for _, client := range clients {
		name, identity, found := strings.Cut(client, "=")
		if !found {
			return fmt.Errorf("--client %q is not FILE=USER or FILE=USER/GROUP", client)
		}
		user, group, _ := strings.Cut(identity, "/")
		if err := signer.client(name, user, group); err != nil {
			return err
		}
	}
	_, err = writeKey(directory, "service-accounts")
	return err
}

func newAuthority(directory string) (*authority, error) {
	key, err := writeKey(directory, "ca")
	if err != nil {
		return nil, err
	}
	template := newTemplate(pkix.Name{CommonName: "embedded-cluster"})
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage |= x509.KeyUsageCertSign
	template.SubjectKeyId = []byte("embedded-cluster-ca") // Python 3.13 refuses certificates that do not name their issuer's key
	signer := &authority{directory: directory, certificate: template, key: key}
	return signer, signer.sign("ca", template, key)
}

func (a *authority) serving(name string, addresses, hosts []string) error {
	template := newTemplate(pkix.Name{CommonName: name})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = hosts
	for _, address := range addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(address))
	}
	return a.issue(name, template)
}

func (a *authority) client(name, user, group string) error {
	subject := pkix.Name{CommonName: user}
	if group != "" {
		subject.Organization = []string{group}
	}
	template := newTemplate(subject)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(name, template)
}

func (a *authority) issue(name string, template *x509.Certificate) error {
	key, err := writeKey(a.directory, name)
	if err != nil {
		return err
	}
	return a.sign(name, template, key)
}

func (a *authority) sign(name string, template *x509.Certificate, key crypto.Signer) error {
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return err
	}
	return writePEM(filepath.Join(a.directory, name+".crt"), "CERTIFICATE", der)
}

func newTemplate(subject pkix.Name) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      subject,
		NotBefore:    now.Add(-time.Hour), // clocks of machines differ
		NotAfter:     now.Add(tenYears),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func writeKey(directory, name string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(filepath.Join(directory, name+".key"), "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
